"""Hash of all the code that a job depends on.

Comments, layout, docstrings, file times and the version of Python do not change it. This module imports only the
standard library, so that every Python can compute the hash.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from longtail.runtime.parts import LIB

ROOT = LIB.parents[1]
# Fields of a syntax tree that do not change what the code does.
IGNORED = {"ctx", "kind", "type_comment", "type_ignores"}


def fingerprint(script: str, *parts: str) -> str:
    """Hash of all files that `reached` lists."""
    digest = hashlib.sha256()
    for source in sorted(reached(script, *parts)):
        digest.update(f"{source.relative_to(ROOT)} {_meaning(source)}\n".encode())
    return digest.hexdigest()[:12]


def reached(script: str, *parts: str) -> set[Path]:
    """A script of `workflow_scripts/` and all files of `longtail` that it imports, directly or indirectly.

    `parts` are modules loaded by name at run time, such as `losses.cross_entropy`; their imports are included too.
    """
    sources = {ROOT / "workflow_scripts" / f"{script}.py"}
    sources |= {_file(f"longtail.{part}") for part in parts}
    reached: set[Path] = set()
    while sources:
        source = sources.pop()
        reached.add(source)
        sources |= _imports(source) - reached
    return reached


def _file(module: str) -> Path:
    path = LIB.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _tree(source: Path) -> ast.Module:
    return ast.parse(source.read_bytes())


@functools.cache
def _meaning(source: Path) -> str:
    """Hash of a file's syntax tree, without docstrings."""
    return hashlib.sha256(canonical(_tree(source)).encode()).hexdigest()


def canonical(node: ast.AST) -> str:
    """A syntax tree as ASCII text that is the same under every version of Python from 3.11 on.

    `ast.dump` and `ast.unparse` write the same tree differently from one version to the next. Fields without a value
    are left out, since newer versions have more of them; each value follows the name of its field.
    """
    if isinstance(node, ast.Constant):
        # Not repr, which escapes different letters in different versions.
        return ascii(node.value)
    if isinstance(node, ast.JoinedStr):
        return f"JoinedStr({','.join(_pieces(node))})"
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if name in IGNORED or value is None or value == []:
            continue
        if isinstance(value, list):
            statements = value[1:] or [ast.Pass()] if name == "body" and _is_text(value[0]) else value
            fields.append(f"{name}=[{','.join(map(_item, statements))}]")
        else:
            fields.append(f"{name}={_item(value)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _item(value: object) -> str:
    if value is None:
        # An empty place in a list, as in {**more}; the constant None is a node.
        return "-"
    return canonical(value) if isinstance(value, ast.AST) else ascii(value)


def _pieces(node: ast.JoinedStr) -> Iterator[str]:
    """The parts of an f-string. Text between two values is joined: versions of Python split it differently."""
    text = ""
    for value in node.values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
            continue
        if text:
            yield ascii(text)
            text = ""
        assert isinstance(value, ast.FormattedValue)
        form = ",".join(_pieces(value.format_spec)) if isinstance(value.format_spec, ast.JoinedStr) else ""
        yield f"FormattedValue({canonical(value.value)},{value.conversion},[{form}])"
    if text:
        yield ascii(text)


def _is_text(node: ast.AST) -> bool:
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
