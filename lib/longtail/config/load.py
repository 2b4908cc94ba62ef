"""Reads the definitions of `config/`, merges a user's own into them, and checks them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longtail.config import backbones, datasets, methods, paths, recipes, schema
from longtail.config import own as own_data
from longtail.config.blame import NONE, THE_CONFIG, blaming, place
from longtail.config.registry import CONFIG, FIGURES, Registry, merge
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.runtime.provenance import shown

# The schema of each kind of table.
TABLES = {"methods": "table", "datasets": "statistics", "claims": "claims"}
# The kind of a file that names none.
DEFAULT_KIND = {"table": "methods", "figure": "comparison"}


def load(config: dict[str, Any], files: list[Path], arguments: Mapping[str, Any] = NONE) -> Registry:
    """Validate the run's config (read from `files` and the `arguments` of `--config`) and all definitions it can use.

    Raises InputError for the first mistake.
    """
    with blaming(files, arguments):
        config = schema.check(config, "config", THE_CONFIG)
        registry = Registry(
            config,
            _definitions("dataset", _stored("datasets"), config["datasets"]),
            _definitions("method", _stored("methods"), config["methods"]),
            _definitions("recipe", schema.read_yaml(CONFIG / "recipes.yaml"), config["recipes"]),
        )
        for name in registry.datasets:
            datasets.check(registry, name)
        for name, recipe in registry.recipes.items():
            recipes.check(recipe, place("recipe", name, config["recipes"]))
        backbones.check(registry)
        # One-stage methods first: checking the methods that use their networks reads their blocks.
        for name in sorted(registry.methods, key=lambda name: isinstance(registry.methods[name].get("stage1"), str)):
            methods.check(registry, name, place("method", name, config["methods"]))
        return registry


def locate(kind: str, name: str) -> Path:
    """The file of a table or figure, given by its name in `config/<kind>s/` or by the path of a user's YAML file."""
    folder = CONFIG / f"{kind}s"
    if name.endswith(paths.ENDINGS):
        if not os.path.isfile(name):  # False for a name that is too long, too
            raise InputError(f"{THE_CONFIG}, key '{kind}s': there is no file '{name}': create it or correct the path")
        return Path(name)
    known = {file.stem: file for file in folder.glob("*.yaml")}
    if name not in known:
        raise InputError(f"{THE_CONFIG}, key '{kind}s': there is no {kind} '{name}': {parts.nearest(name, known)}")
    return known[name]


def definition(kind: str, path: Path) -> dict[str, Any]:
    """The content of a table's or figure's file, validated by the schema of its `kind`."""
    content, known = schema.read_yaml(path), figure_kinds() if kind == "figure" else list(TABLES)
    name = content.get("kind", DEFAULT_KIND[kind])
    if name not in known:
        raise InputError(f"{shown(path)}: key 'kind' is {name!r}: {parts.nearest(str(name), known)}")
    rules = figure_schema(name) if kind == "figure" else TABLES[name]
    checked: dict[str, Any] = schema.check(content, rules, shown(path))
    return checked


def figure_kinds() -> list[str]:
    """The kinds of figures that a file of `config/figures` can request; the others are drawn without a request."""
    return [name for name in parts.names(FIGURES) if parts.literal(FIGURES, name, "SHOWS", "methods") == "methods"]


def figure_schema(kind: str) -> dict[str, Any]:
    """The schema of a kind of figure: the keys of all figures and its own `SETTINGS` (without default: required)."""
    common, own = schema.load("figure"), parts.settings(FIGURES, kind)
    required = [*common["required"], *(key for key, rule in own.items() if "default" not in rule)]
    return common | {"required": required, "properties": common["properties"] | own}


def _stored(folder: str) -> dict[str, Any]:
    stored = {}
    for file in sorted((CONFIG / folder).glob("*.yaml")):
        content = schema.read_yaml(file)
        if folder == "datasets":
            content = paths.in_dataset(content, content.get("kind"), file.parent)
        stored[file.stem] = content
    return stored


def _definitions(kind: str, stored: dict[str, Any], own: dict[str, Any]) -> dict[str, dict[str, Any]]:
    for name in own:
        # These names become folders of results; 'stage1' is already the folder of a network.
        if kind != "recipe" and (not isinstance(name, str) or not re.fullmatch(r"\w+", name) or name == "stage1"):
            raise InputError(f"{place(kind, name, own)}: the name must be letters, digits and _, and not 'stage1'")
    raw = merge(stored, own)
    # A user's own definitions first, so that their mistakes are not reported for the methods that extend them.
    names = sorted(raw, key=lambda name: name not in own)
    if kind == "method":
        raw = {name: _extended(raw, name, own) for name in names}
    where = {name: place(kind, name, own) for name in names}
    if kind == "dataset":
        return {name: _dataset(raw[name], where[name], name in own) for name in names}
    return {name: schema.check(raw[name], kind, where[name]) for name in names}


def _dataset(definition: Any, where: str, is_own: bool) -> dict[str, Any]:
    checked = datasets.define(definition, where)
    return own_data.completed(checked) if is_own else checked


def _extended(raw: dict[str, Any], name: str, own: dict[str, Any], under: tuple[str, ...] = ()) -> Any:
    """A method merged into the method that it `extends`; the label is not inherited."""
    method = raw[name]
    if not isinstance(method, dict) or "extends" not in method:
        return method
    where, base = f"{place('method', name, own)}, key 'extends'", method["extends"]
    if not isinstance(base, str) or base not in raw:
        raise InputError(f"{where}: unknown method '{base}': {parts.nearest(str(base), raw)}")
    if base in (name, *under):
        raise InputError(f"{where}: '{base}' extends '{name}' in turn: let one of them stand by itself")
    inherited = _extended(raw, base, own, (*under, name))
    if not isinstance(inherited, dict):
        raise InputError(f"{place('method', base, own)} is {inherited!r}: write keys and values there")
    if "needs" in inherited:
        raise InputError(f"{where}: '{base}' cannot run yet: it needs {inherited['needs']}")
    changes = {key: value for key, value in method.items() if key != "extends"}
    return merge({key: value for key, value in inherited.items() if key != "label"}, changes)
