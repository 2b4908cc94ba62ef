"""Parts (losses, backbones, data sources, …) are modules found by name in the package of their kind."""

import ast
import contextlib
import difflib
import functools
import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from longtail.runtime.errors import InputError

LIB = Path(__file__).parents[1]
# Stands beside the backbones and joins one with a classifier.
NO_PART = "network"


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error sentence: the closest valid name, and the rest where they are few."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}(known: {', '.join(names) or 'none'})"


def find(package: str, name: str) -> ModuleType:
    """Import `longtail.<package>.<name>`; InputError naming the nearest part when there is none."""
    if name not in names(package):
        raise InputError(f"longtail.{package} has no part '{name}': {nearest(name, names(package))}")
    return importlib.import_module(f"longtail.{package}.{name}")


def names(package: str) -> list[str]:
    """The parts a package offers, without importing them; a leading underscore marks code that parts share."""
    folder = LIB.joinpath(*package.split("."))
    return sorted(file.stem for file in folder.glob("*.py") if file.stem[0] != "_" and file.stem != NO_PART)


def settings(package: str, name: str) -> dict[str, Any]:
    """The settings a part wants, each with its JSON schema: its literal `SETTINGS`, read without importing it."""
    wanted: dict[str, Any] = literal(package, name, "SETTINGS", {})
    return wanted


def literal(package: str, name: str, constant: str, default: Any) -> Any:
    """A constant of a part, which must be a literal, read without importing the part; `default` where it has none."""
    return _literals(LIB.joinpath(*package.split("."), f"{name}.py")).get(constant, default)


@functools.cache
def _literals(source: Path) -> dict[str, Any]:
    found = {}
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            with contextlib.suppress(ValueError):
                found[node.targets[0].id] = ast.literal_eval(node.value)
    return found
