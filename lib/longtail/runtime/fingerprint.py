"""What code a job depends on, as a hash that comments, layout, docstrings and file times do not change."""

import ast
import functools
import hashlib
from pathlib import Path

from longtail.runtime.parts import LIB

ROOT = LIB.parents[1]


def fingerprint(script: str, *parts: str) -> str:
    """Hash of all the code that `reached` finds."""
    digest = hashlib.sha256()
    for source in sorted(reached(script, *parts)):
        digest.update(f"{source.relative_to(ROOT)}\n{_meaning(source)}\n".encode())
    return digest.hexdigest()[:12]


def reached(script: str, *parts: str) -> set[Path]:
    """A script of `workflow_scripts/` with all files of `longtail` that it imports, directly or not.

    `parts` are modules loaded by name at run time, as `losses.cross_entropy`; they and their imports count too.
    """
    sources = {ROOT / "workflow_scripts" / f"{script}.py"}
    sources |= {_file(f"longtail.{part}") for part in parts}
    found: set[Path] = set()
    while sources:
        source = sources.pop()
        found.add(source)
        sources |= _imports(source) - found
    return found


def _file(module: str) -> Path:
    path = LIB.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _tree(source: Path) -> ast.Module:
    return ast.parse(source.read_text())


@functools.cache
def _meaning(source: Path) -> str:
    tree = _tree(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(body, list) and _is_text(first):
            body[:1] = [] if len(body) > 1 else [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)


@functools.cache
def _imports(source: Path) -> frozenset[Path]:
    modules = set()
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {_file(module) for module in modules if module.split(".")[0] == "longtail"}
    return frozenset(file for file in ours if file.is_file())
