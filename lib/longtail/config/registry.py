"""The definitions of `config/`: data sets, methods, recipes, tables and figures, with a person's own on top."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longtail.config import schema
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT
from longtail.runtime.parts import names, nearest

CONFIG = ROOT / "config"


@dataclass(frozen=True)
class Registry:
    """Validated definitions by name, and the run's own config."""

    config: dict[str, Any]
    datasets: dict[str, dict[str, Any]]
    methods: dict[str, dict[str, Any]]
    recipes: dict[str, dict[str, Any]]

    def dataset(self, name: str, where: str) -> dict[str, Any]:
        """The data set `name`, or InputError saying who asked for it."""
        return _known(self.datasets, name, f"{where}: unknown data set")

    def method(self, name: str, where: str) -> dict[str, Any]:
        """The method `name`, or InputError saying who asked for it."""
        return _known(self.methods, name, f"{where}: unknown method")

    def recipe(self, name: str, where: str) -> dict[str, Any]:
        """The recipe `name`, or InputError saying who asked for it."""
        return _known(self.recipes, name, f"{where}: unknown recipe")


def load(config: dict[str, Any], files: list[Path]) -> Registry:
    """Validate the run's config (read from `files`, later over earlier) and every definition it can use.

    Raises InputError for the first mistake found.
    """
    try:
        config = schema.check(config, "config", "the configuration")
    except InputError as error:
        raise InputError(str(error).replace("the configuration", _culprit(str(error), files), 1)) from None
    datasets = _definitions("dataset", "datasets", config["datasets"])
    methods = _definitions("method", "methods", config["methods"])
    recipes = {
        name: schema.check(recipe, "recipe", f"recipe '{name}'")
        for name, recipe in merge(schema.read_yaml(CONFIG / "recipes.yaml"), config["recipes"]).items()
    }
    registry = Registry(config, datasets, methods, recipes)
    for name, dataset in datasets.items():
        if "kind" in dataset and dataset["kind"] not in names("data.sources"):
            raise InputError(
                f"data set '{name}': unknown kind '{dataset['kind']}': "
                f"{nearest(dataset['kind'], names('data.sources'))}"
            )
        for recipe in dataset["recipes"].values():
            registry.recipe(recipe, f"data set '{name}', key 'recipes'")
    for name in methods:
        _check_method(registry, name)
    return registry


def definition(kind: str, name: str) -> dict[str, Any]:
    """A table or figure: a name in `config/<kind>s/`, or the path of a person's own YAML file."""
    folder = CONFIG / f"{kind}s"
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.is_file():
        known = (file.stem for file in folder.glob("*.yaml"))
        raise InputError(f"key '{kind}s': there is no {kind} '{name}': {nearest(name, known)}")
    checked: dict[str, Any] = schema.check(schema.read_yaml(path), kind, shown(path))
    return checked


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid upon `base`, mapping by mapping; lists and scalars are replaced."""
    merged = copy.deepcopy(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def shown(path: Path) -> str:
    """A path as a person at the project's root would write it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _definitions(kind: str, folder: str, own: dict[str, Any]) -> dict[str, dict[str, Any]]:
    stored = {file.stem: schema.read_yaml(file) for file in sorted((CONFIG / folder).glob("*.yaml"))}
    return {
        name: schema.check(value, kind, f"{folder[:-1]} '{name}' (config/{folder}/{name}.yaml or key '{folder}')")
        for name, value in merge(stored, own).items()
    }


def _known(entries: dict[str, dict[str, Any]], name: str, complaint: str) -> dict[str, Any]:
    if name not in entries:
        raise InputError(f"{complaint} '{name}': {nearest(name, entries)}")
    return entries[name]


def _check_method(registry: Registry, name: str) -> None:
    method, where = registry.methods[name], f"method '{name}'"
    if "needs" in method:
        return
    if isinstance(method["stage1"], str):
        base = registry.method(method["stage1"], f"{where}, key 'stage1'")
        if "stage2" in base or "needs" in base:
            raise InputError(f"{where}, key 'stage1': '{method['stage1']}' is not a one-stage method that can run")
    for stage in ("stage1", "stage2"):
        block = method.get(stage)
        if not isinstance(block, dict):
            continue
        registry.recipe(block["recipe"], f"{where}, key '{stage}.recipe'")
        if block["loss"]["name"] not in names("losses"):
            raise InputError(
                f"{where}, key '{stage}.loss.name': unknown loss '{block['loss']['name']}': "
                f"{nearest(block['loss']['name'], names('losses'))}"
            )


def _culprit(sentence: str, files: list[Path]) -> str:
    """The last of the files whose text holds the key a sentence complains of."""
    quoted = sentence.split("'")[1] if "'" in sentence else ""
    key = quoted.split(".")[-1]
    holding = [file for file in files if key and key in file.read_text()]
    return shown((holding or files)[-1]) if files else "the configuration"
