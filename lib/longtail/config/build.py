"""Lays out the tables and figures that a configuration asks for: they alone ask for runs, and the graph follows."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtail import imbalance as factors
from longtail.config import chain, datasets, load, methods, needs, variants
from longtail.config.blame import NONE, THE_CONFIG, blaming
from longtail.config.plan import Cell, Claims, Described, Figure, Plan, Setting, Statistics, Table
from longtail.config.registry import Registry
from longtail.evaluate.columns import COLUMNS
from longtail.runtime.errors import InputError
from longtail.runtime.provenance import shown

LEAVE_OUT = "leave_out"


def build(config: dict[str, Any], files: list[Path], arguments: Mapping[str, Any] = NONE) -> Plan:
    """Validate a config with all it refers to, and lay out its tables and figures.

    It was read from `files` and the `arguments` of `--config`.
    Raises InputError for the first mistake, before anything runs.
    """
    plan = Plan(load.load(config, files, arguments))
    with blaming(files, arguments):
        tables: dict[str, Table | Statistics | Claims] = {}
        for name in plan.registry.config["tables"]:
            _add(tables, _table(plan.registry, load.locate("table", name)), "tables")
        plan.tables = {name: table for name, table in tables.items() if isinstance(table, Table)}
        plan.statistics = {name: table for name, table in tables.items() if isinstance(table, Statistics)}
        plan.claims = {name: table for name, table in tables.items() if isinstance(table, Claims)}
        for name in plan.registry.config["figures"]:
            _add(plan.figures, _figure(plan.registry, load.locate("figure", name)), "figures")
        for dataset in plan.datasets:
            datasets.check_place(plan.registry, dataset)
    return plan


def _add(named: dict[str, Any], item: Table | Statistics | Claims | Figure, key: str) -> None:
    where = f"{THE_CONFIG}, key '{key}'"
    if not re.fullmatch(r"[\w-]+", item.name):
        raise InputError(f"{where}: rename the file of '{item.name}': letters, digits, _ and - make a name")
    if item.name in named:
        raise InputError(f"{where}: two of them are called '{item.name}': rename the file of one")
    named[item.name] = item


def _table(registry: Registry, path: Path) -> Table | Statistics | Claims:
    where, definition = shown(path), load.definition("table", path)
    if definition["kind"] == "datasets":
        return _statistics(registry, where, path.stem, definition)
    if definition["kind"] == "claims":
        return _claims(registry, where, path.stem, definition)
    printable = [metric for metric in definition["metrics"] if COLUMNS[metric].printable]
    rows, seeds = [], definition.get("seeds", registry.config["seeds"]["runs"])
    for row in definition["rows"]:
        printed = row["printed"] or [None] * len(definition["columns"])
        if len(printed) != len(definition["columns"]):
            raise InputError(
                f"{where}: row '{row['method']}' has {len(printed)} printed cells for "
                f"{len(definition['columns'])} columns: write null where the paper prints nothing"
            )
        cells = []
        for column, values in zip(definition["columns"], printed, strict=True):
            if len(values or []) > len(printable):
                raise InputError(
                    f"{where}: row '{row['method']}' prints {values} in one cell for the metrics "
                    f"{printable}: at most one number each"
                )
            numbers = dict(zip(printable, values or [], strict=False))
            cells.append(_cell(registry, where, row, column, numbers, seeds))
        rows.append(cells)
    return Table(path.stem, definition, rows)


def _figure(registry: Registry, path: Path) -> Figure:
    where, definition = shown(path), load.definition("figure", path)
    registry.dataset(definition["dataset"], where)
    if "bins" in definition:
        _check_bins(registry, where, definition["bins"])
    if definition["kind"] == "sensitivity":
        variants.define(registry, where, definition, factors.slug(definition["factor"], where))
    if definition["kind"] == "similarity" and isinstance(
        registry.method(definition["method"], where).get("stage1"), str
    ):
        raise InputError(
            f"{where}, key 'method': '{definition['method']}' has no network of its own: name its stage1"
        )
    if definition["kind"] == "projection":
        _check_projected(registry, where, definition["method"])
    seeds = registry.config["seeds"]["runs"]
    cells = [
        _cell(registry, where, shown, {**definition, **shown}, shown.get("printed", {}), seeds)
        for shown in _shown(definition)
    ]
    lacking = next((cell for cell in cells if not cell.runs), None)
    if definition["kind"] == "sensitivity" and lacking and any(cell.runs for cell in cells):
        needs = lacking.needs or "a Stage 1, which missing_networks leaves out"
        raise InputError(f"{where}: '{lacking.method}' cannot run yet: it needs {needs}; name another method")
    return Figure(path.stem, definition, _paired(cells) if definition["kind"] == "probabilities" else cells)


def _shown(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """Each method that a figure shows, with what its panel or point says besides."""
    if definition["kind"] == "reliability":
        panels: list[dict[str, Any]] = definition["panels"]
        return panels
    if definition["kind"] == "sensitivity":
        points = [value for panel in definition["panels"] for value in panel["methods"]]
        return [{"method": method} for method in (definition["baseline"], *points)]
    if definition["kind"] == "probabilities":
        return [{"method": panel[side]} for panel in definition["panels"] for side in ("left", "right")]
    return [{"method": definition["method"]}]


def _paired(cells: list[Cell]) -> list[Cell]:
    """Cells two by two, of which neither runs where one does not: a panel compares both."""
    found: list[Cell] = []
    for pair in zip(cells[::2], cells[1::2], strict=True):
        lacking = next((cell for cell in pair if not cell.runs), None)
        if lacking is None:
            found += pair
            continue
        for cell in pair:
            asked = [] if lacking.needs else [*cell.runs, *cell.left_out]
            found.append(replace(cell, runs=[], left_out=asked, needs=lacking.needs))
    return found


def _check_bins(registry: Registry, where: str, bins: int) -> None:
    evaluation = registry.config["evaluation"]
    counted = [evaluation["bins"], *evaluation["also"]]
    if bins not in counted:
        raise InputError(
            f"{where}, key 'bins': test images are counted in {' or '.join(map(str, counted))} bins, not in {bins}: "
            f"add {bins} to evaluation.also"
        )


def _check_projected(registry: Registry, where: str, name: str) -> None:
    block = registry.method(name, where).get("stage2")
    if block is None or methods.changed(block):
        raise InputError(
            f"{where}, key 'method': '{name}' does not learn on cached features, which a projection shows: name a "
            "method whose stage2 has augment: false, mixing: null and batch_norm: frozen"
        )


def _statistics(registry: Registry, where: str, name: str, definition: dict[str, Any]) -> Statistics:
    rows = []
    for row in definition["rows"]:
        dataset = registry.dataset(row["dataset"], where)
        imbalances = [factors.slug(factor, where) for factor in row["factors"]]
        needs = "; ".join(datasets.needs(row["dataset"], dataset))
        rows.append(Described(row, row["dataset"], imbalances, needs or None))
    return Statistics(name, definition, rows)


def _claims(registry: Registry, where: str, name: str, definition: dict[str, Any]) -> Claims:
    for number, claim in enumerate(definition["claims"]):
        if claim["better"] in claim["than"]:
            raise InputError(
                f"{where}, key 'claims.{number}.than': '{claim['better']}' cannot be better than itself: remove it"
            )
    named = dict.fromkeys(method for claim in definition["claims"] for method in (claim["better"], *claim["than"]))
    seeds = registry.config["seeds"]["runs"]
    cells = [_cell(registry, where, {"method": method}, definition, {}, seeds) for method in named]
    return Claims(name, definition, cells)


def _cell(
    registry: Registry,
    where: str,
    shown: dict[str, Any],
    column: dict[str, Any],
    printed: dict[str, float | None],
    seeds: list[int],
) -> Cell:
    name = shown["method"]
    method = registry.method(name, where)
    registry.dataset(column["dataset"], where)
    setting = Setting(column["dataset"], factors.slug(column["factor"], where), column["backbone"])
    methods.check_classifies(registry, name, where)
    lacking = "; ".join(needs.before(registry, where, name, setting))
    runs, left_out = [], []
    if not lacking:
        runs = [chain.run(registry, setting, name, seed) for seed in seeds]
    if registry.config["missing_networks"] == LEAVE_OUT:
        left_out = [run for run in runs if run.folder not in registry.config["stage1"]]
        runs = [run for run in runs if run not in left_out]
    return Cell(name, shown.get("label") or method["label"], setting, runs, left_out, lacking or None, printed)
