"""Parts (losses, backbones, data sources, …) are modules found by name in the package of their kind."""

import ast
import difflib
import functools
import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from longtail.runtime.errors import InputError

LIB = Path(__file__).parents[1]
# A module among the backbones that is not one: it joins a backbone with a classifier.
NO_PART = "network"


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the closest valid name, and all valid names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}(known: {', '.join(names) or 'none'})"


def find(package: str, name: str) -> ModuleType:
    """Import `longtail.<package>.<name>`; raises InputError with the closest name if there is no such part."""
    if name not in names(package):
        raise InputError(f"longtail.{package} has no part '{name}': {nearest(name, names(package))}")
    return importlib.import_module(f"longtail.{package}.{name}")


def names(package: str) -> list[str]:
    """The parts of a package, without importing them; a leading underscore marks code that parts share."""
    folder = LIB.joinpath(*package.split("."))
    return sorted(file.stem for file in folder.glob("*.py") if file.stem[0] != "_" and file.stem != NO_PART)


def settings(package: str, name: str) -> dict[str, Any]:
    """The settings of a part, each with its JSON schema: its literal `SETTINGS`, read without importing it."""
    declared: dict[str, Any] = literal(package, name, "SETTINGS", {})
    return declared


def literal(package: str, name: str, constant: str, default: Any) -> Any:
    """A constant of a part, read without importing the part; `default` if it has none.

    Raises InputError for a constant that is not a literal.
    """
    source = _source(package, name)
    top = _read(source)
    if constant in top.computed:
        raise InputError(f"{source}: {constant} is not a literal: write its value out, without an annotation")
    return top.literals.get(constant, default)


def defines(package: str, name: str, function: str) -> bool:
    """Whether a part has a function of this name, found without importing the part."""
    return function in _read(_source(package, name)).functions


class _Top(NamedTuple):
    """The top level of a module: literal constants, the names of other constants, and functions."""

    literals: dict[str, Any]
    computed: set[str]
    functions: set[str]


def _source(package: str, name: str) -> Path:
    return LIB.joinpath(*package.split("."), f"{name}.py")


@functools.cache
def _read(source: Path) -> _Top:
    top = _Top({}, set(), set())
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            top.functions.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            top.computed.add(node.target.id)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                top.literals[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                top.computed.add(node.targets[0].id)
    return top
