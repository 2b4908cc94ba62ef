"""The definitions of data sets, methods and recipes that a run can use, by name."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT

CONFIG = ROOT / "config"
STAGES = ("stage1", "stage2")
# The packages of the parts that a method may name, by key.
PARTS = {"loss": "losses", "head": "heads", "weighting": "weightings", "mixing": "mixing", "sampler": "samplers"}
PARTS |= {"algorithm": "stage1.algorithms", "generator": "stage2.generators", "post_hoc": "stage2.post_hoc"}
# The package of the kinds of figures.
FIGURES = "report.figures"


@dataclass(frozen=True)
class Registry:
    """Validated definitions by name, and the run's own config."""

    config: dict[str, Any]
    datasets: dict[str, dict[str, Any]]
    methods: dict[str, dict[str, Any]]
    recipes: dict[str, dict[str, Any]]

    def dataset(self, name: str, where: str) -> dict[str, Any]:
        """The data set `name`; an InputError for an unknown one begins with `where`."""
        return _known(self.datasets, name, f"{where}: unknown data set")

    def method(self, name: str, where: str) -> dict[str, Any]:
        """The method `name`; an InputError for an unknown one begins with `where`."""
        return _known(self.methods, name, f"{where}: unknown method")

    def recipe(self, name: str, where: str) -> dict[str, Any]:
        """The recipe `name`; an InputError for an unknown one begins with `where`."""
        return _known(self.recipes, name, f"{where}: unknown recipe")


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` updated by `over`, mapping by mapping; lists, scalars and parts with another name are replaced."""
    merged = copy.deepcopy(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        both = both and ("name" not in value or value["name"] == merged[key].get("name"))
        merged[key] = merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def named_parts(block: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Dotted key, package and settings of every part that a mapping names, at any depth."""
    for key, value in block.items():
        if isinstance(value, dict):
            if key in PARTS and "name" in value:
                yield f"{prefix}{key}", PARTS[key], value
            yield from named_parts(value, f"{prefix}{key}.")


def _known(entries: dict[str, dict[str, Any]], name: str, complaint: str) -> dict[str, Any]:
    if name not in entries:
        raise InputError(f"{complaint} '{name}': {parts.nearest(name, entries)}")
    return entries[name]
