"""Generates the tables of the documentation from the schemas, the parts and the definitions of methods."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from longtail.config import load, schema, sources
from longtail.config.registry import CONFIG, PARTS
from longtail.config.strict_yaml import as_line
from longtail.evaluate import columns
from longtail.handbook.markdown import choices, table
from longtail.runtime import files, parts
from longtail.runtime.fingerprint import ROOT

PAGES = (CONFIG / "README.md", ROOT / "docs" / "methods.md", ROOT / "docs" / "trained-weights.md")
METHODS, PART_SETTINGS, KINDS, METRICS, FIGURES = "methods", "parts", "kinds", "metrics", "figures"
WEIGHTS = "weights"
NONE = "–"

_MARKED = re.compile(r"(<!-- reference: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def rows(schema_name: str) -> list[tuple[str, str, str]]:
    """Dotted key, default and description of every key of a schema in `config/schemas`, in its order.

    Items of a list are `key[]`; values under names that the user chooses are `key.*`. The default is YAML,
    `required` for a key that must be set, and `–` for one that may be absent.
    """
    root = schema.load(schema_name)
    return list(_keys("", root, root))


def kinds() -> str:
    """The keys that only data sets of one kind have, and those that backbones read, as a Markdown table."""
    shown = []
    for kind in sources.kinds():
        shown += _of_kind(f"`{kind}`", sources.keys(kind), sources.required(kind)) or [
            (f"`{kind}`", NONE, NONE, "none")
        ]
    for backbone in parts.names("models"):
        shown += _of_kind(f"any, for backbone `{backbone}`", parts.settings("models", backbone), [])
    return table(("kind", "key", "default", "description"), shown)


def _of_kind(kind: str, keys: sources.Keys, required: list[str]) -> list[tuple[str, ...]]:
    node = {"properties": keys, "required": required}
    return [(kind, *_shown(row)) for row in _keys("", node, schema.load("dataset"))]


def markdown(schema_name: str) -> str:
    """The keys of a schema as a Markdown table."""
    return table(("key", "default", "description"), [_shown(row) for row in rows(schema_name)])


def figures() -> str:
    """The settings of every kind of figure, without the keys that all kinds share, as a Markdown table."""
    shown, common = [], schema.load("figure")["properties"]
    for kind in load.figure_kinds():
        root = load.figure_schema(kind)
        own = {
            "required": root["required"],
            "properties": {key: rule for key, rule in root["properties"].items() if key not in common},
        }
        shown += [(f"`{kind}`", *_shown(row)) for row in _keys("", own, root)]
    return table(("kind", "key", "default", "description"), shown)


def methods() -> str:
    """All methods of config/methods as a Markdown table with links to their pages; those that can run come first."""
    shown = []
    for name, method in sorted(load.load({}, []).methods.items(), key=lambda named: "needs" in named[1]):
        what = _first_sentence(method.get("about", NONE))
        shown.append((f"[{method['label']}](methods/{name}.md) (`{name}`)", what, method["paper"], _status(method)))
    return table(("method", "what it does", "paper", "status"), shown)


def part_settings() -> str:
    """Every setting of every part that a method may name, as a Markdown table."""
    shown = []
    for key, package in PARTS.items():
        for name in parts.names(package):
            settings = parts.settings(package, name)
            shown += [(f"`{key}`", f"`{name}`", "–", "no settings")] if not settings else []
            shown += [
                (f"`{key}`", f"`{name}`", f"`{s}`", rule["description"] + choices(rule))
                for s, rule in settings.items()
            ]
    return table(("key", "part", "setting", "description"), shown)


def weights() -> str:
    """Every name of weights that torchvision has published for a backbone, as a Markdown table."""
    shown = [
        (f"`{backbone}`", f"`{name}`", url)
        for backbone in parts.names("models")
        for name, url in parts.literal("models", backbone, "PUBLISHED", {}).items()
    ]
    return table(("backbone", "weights", "file"), shown)


def metrics() -> str:
    """Every number of a run that a table can show, as a Markdown table."""
    source = ast.parse((parts.LIB / "evaluate" / "metrics.py").read_text())
    functions = {node.name: node for node in source.body if isinstance(node, ast.FunctionDef)}
    shown = []
    for column in columns.COLUMNS.values():
        if isinstance(column, columns.Metric):
            better, text = column.better or NONE, ast.get_docstring(functions[column.name]) or NONE
        else:
            better, text = NONE, "Wall time of all trainings that the run requires; only in tables"
        shown.append((f"`{column.name}`", column.label, column.unit, better, column.digits, _first_sentence(text)))
    return table(("metric", "label", "unit", "better", "digits", "what it is"), shown)


def updated(page: str) -> str:
    """A page with each table between `<!-- reference: name -->` and `<!-- end -->` generated again.

    The name is that of a schema, or one of `methods`, `parts`, `kinds`, `metrics`, `figures`, `weights`; any other
    raises InputError.
    """

    def generated(match: re.Match[str]) -> str:
        opening, name = match.groups()
        tables = {METHODS: methods, PART_SETTINGS: part_settings, KINDS: kinds, METRICS: metrics, FIGURES: figures}
        tables |= {WEIGHTS: weights}
        return opening + tables.get(name, lambda: markdown(name))()

    return _MARKED.sub(generated, page)


def _keys(prefix: str, node: dict[str, Any], root: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for form in node.get("oneOf", []):
        yield from _keys(prefix, schema._resolve(form, root), root)
    if "items" in node:
        yield from _keys(f"{prefix}[]", schema._resolve(node["items"], root), root)
    if isinstance(node.get("additionalProperties"), dict):
        yield from _keys(f"{prefix}.*", schema._resolve(node["additionalProperties"], root), root)
    for key, child in node.get("properties", {}).items():
        child = schema._resolve(child, root)
        if "items" in child:
            child = child | {"items": schema._resolve(child["items"], root)}
        dotted = f"{prefix}.{key}" if prefix else key
        yield dotted, _default(key, child, node), child["description"] + choices(child)
        yield from _keys(dotted, child, root)


def _shown(row: tuple[str, str, str]) -> tuple[str, str, str]:
    key, default, description = row
    return f"`{key}`", default if default in ("required", NONE) else f"`{default}`", description


def _default(key: str, child: dict[str, Any], parent: dict[str, Any]) -> str:
    if key in parent.get("required", []):
        return "required"
    if "default" not in child:
        return NONE
    return as_line(child["default"])


def _first_sentence(text: str) -> str:
    return text.split(". ")[0].rstrip(".\n")


def _status(method: dict[str, Any]) -> str:
    if "needs" in method:
        return f"needs {method['needs']}"
    return f"runs on the Stage 1 of `{method['stage1']}`" if isinstance(method["stage1"], str) else "runs"


def write() -> None:
    """Rewrite every table in place."""
    for path in PAGES:
        files.write_text(path, updated(path.read_text()))
