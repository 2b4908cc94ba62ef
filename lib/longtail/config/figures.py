"""Plans a figure of `config/figures`: its kind lists the methods that it shows, and each becomes a cell."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtail import imbalance as factors
from longtail.config import cells, load, methods, variants
from longtail.config.plan import Cell, Figure
from longtail.config.registry import FIGURES, Registry
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.runtime.provenance import shown


class Configuration:
    """What a kind of figure may read of the configuration (`report.subjects.Configuration`), for one figure."""

    def __init__(self, registry: Registry, where: str, definition: dict[str, Any]) -> None:
        self.where = where
        self.evaluation: dict[str, Any] = registry.config["evaluation"]
        self._registry = registry
        self._definition = definition

    def method(self, name: str) -> dict[str, Any]:
        """The definition of a method; InputError where there is none."""
        return self._registry.method(name, self.where)

    def learns_on_cached_features(self, name: str) -> bool:
        """Whether a method has a Stage 2 that changes neither images nor backbone."""
        block = self.method(name).get("stage2")
        return block is not None and not methods.changed(block)

    def variants(
        self, method: str, key: str, values: Sequence[float | str], title: str
    ) -> tuple[float | str | None, list[str]]:
        """`variants.of` in the setting of the figure."""
        imbalance = factors.slug(self._definition["factor"], self.where)
        return variants.of(
            self._registry, self.where, method, self._definition["dataset"], imbalance, key, values, title
        )


def figure(registry: Registry, path: Path) -> Figure:
    """The figure that a file defines; raises InputError for the first mistake."""
    where, definition = shown(path), load.definition("figure", path)
    registry.dataset(definition["dataset"], where)
    kind = parts.find(FIGURES, definition["kind"])
    seeds = registry.config["seeds"]["runs"]
    shown_cells = [
        cells.cell(registry, where, method, {**definition, **method}, method.get("printed", {}), seeds)
        for method in kind.methods(definition, Configuration(registry, where, definition))
    ]
    if parts.literal(FIGURES, definition["kind"], "NEEDS_ALL", False):
        _check_all_run(shown_cells, where)
    group_size = parts.literal(FIGURES, definition["kind"], "TOGETHER", 1)
    return Figure(path.stem, definition, _in_groups(shown_cells, group_size))


def _check_all_run(cells: list[Cell], where: str) -> None:
    """Raises InputError if some methods can run and another cannot."""
    blocked = next((cell for cell in cells if not cell.runs), None)
    if blocked and any(cell.runs for cell in cells):
        needs = blocked.needs or "a Stage 1, which missing_networks leaves out"
        raise InputError(f"{where}: '{blocked.method}' cannot run yet: it needs {needs}; name another method")


def _in_groups(cells: list[Cell], size: int) -> list[Cell]:
    """The cells in groups of `size`: if one of a group cannot run, none of it does, since a panel compares them."""
    grouped: list[Cell] = []
    for start in range(0, len(cells), size):
        group = cells[start : start + size]
        blocked = next((cell for cell in group if not cell.runs), None)
        if blocked is None:
            grouped += group
            continue
        for cell in group:
            left_out = [] if blocked.needs else [*cell.runs, *cell.left_out]
            grouped.append(replace(cell, runs=[], left_out=left_out, needs=blocked.needs))
    return grouped
