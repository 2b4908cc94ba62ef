"""The library's packages import in one direction, so that each can be read without those that stand on it."""

import ast
import graphlib
from collections import defaultdict
from pathlib import Path

from longtail.runtime.parts import LIB

# Each imports only from those before it.
ORDER = [
    *("runtime", "imbalance", "results", "head_set", "smoothing", "settings"),
    *("evaluate", "heads", "weightings", "losses", "mixing", "samplers", "models", "data", "config"),
    *("engine", "features", "stage1", "stage2", "deploy"),
    *("report", "graph", "handbook", "overview", "survey", "commands", "__main__"),
]


def imported() -> dict[str, set[str]]:
    """The modules of the library that each of its modules imports anywhere in its text."""
    files = {_module(path): path for path in LIB.rglob("*.py")}
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        found[module] = {name for name in names if name in files and name != module and "." in name}
    return found


def test_no_module_imports_itself_by_way_of_others() -> None:
    graphlib.TopologicalSorter(imported()).prepare()


def test_no_package_imports_one_above_it() -> None:
    arrows = defaultdict(set)
    for module, others in imported().items():
        for other in others:
            arrows[_package(module)].add(_package(other))
    arrows.pop("longtail", None)

    assert arrows.keys() <= set(ORDER)
    back = {
        (package, other)
        for package, others in arrows.items()
        for other in others - {package}
        if ORDER.index(other) > ORDER.index(package)
    }
    assert back == set()


def _module(path: Path) -> str:
    return ".".join(["longtail", *path.relative_to(LIB).with_suffix("").parts]).removesuffix(".__init__")


def _package(module: str) -> str:
    return module.split(".")[1] if "." in module else module
