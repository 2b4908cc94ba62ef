"""Definitions of data sets: their schema, and the checks before one is used."""

import functools
import os
from pathlib import Path
from typing import Any

from longtail.config import archives, schema, sources
from longtail.config.blame import place
from longtail.config.registry import Registry
from longtail.runtime import files, parts
from longtail.runtime.errors import InputError


def define(definition: Any, where: str) -> dict[str, Any]:
    """A checked copy of a definition with defaults filled in; a required key that is missing becomes None.

    Raises InputError, beginning with `where`, for an unknown kind and for keys that its kind does not have.
    """
    if not isinstance(definition, dict):
        return dict(schema.check(definition, "dataset", where))
    kind = definition.get("kind")
    if ("kind" in definition) == ("needs" in definition):
        raise InputError(f"{where}: give the data set a 'kind', or say what it 'needs' before it can be used")
    if isinstance(kind, str) and kind not in sources.kinds():
        raise InputError(f"{where}, key 'kind': unknown kind '{kind}': {parts.nearest(kind, sources.kinds())}")
    kind = kind if isinstance(kind, str) else None
    rules, required = rules_of(kind), sources.required(kind) if kind else []
    for key in definition:
        if key not in rules["properties"]:
            _refuse_key_of_another_kind(key, kind, where)
    # A required key with the value null counts as missing.
    present = {key: value for key, value in definition.items() if value is not None or key not in required}
    checked: dict[str, Any] = schema.check(present, rules, where)
    return dict.fromkeys(required) | checked


@functools.cache
def rules_of(kind: str | None) -> dict[str, Any]:
    """The schema of data sets of a kind (or without one): keys of all data sets, of backbones and of the kind."""
    common = schema.load("dataset")
    own = sources.keys_of_backbones() | (sources.keys(kind) if kind else {})
    if taken := common["properties"].keys() & own.keys():
        raise InputError(f"data.sources.{kind}: SETTINGS has '{min(taken)}', a key of every data set: rename it")
    return common | {"properties": common["properties"] | own}


def _refuse_key_of_another_kind(key: str, kind: str | None, where: str) -> None:
    others = [f"'{other}'" for other in sources.kinds() if key in sources.keys(other)]
    if others:
        subject = f"kind '{kind}'" if kind else "a data set without a kind"
        listed = " or ".join([", ".join(others[:-1]), others[-1]] if others[1:] else others)
        raise InputError(f"{where}: {subject} has no key '{key}': did you mean kind {listed}? Else remove the key")


def check(registry: Registry, name: str) -> None:
    """Raises InputError if a data set names an unknown recipe or data set, or if a value does not fit its images."""
    dataset, where = registry.datasets[name], place("dataset", name, registry.config["datasets"])
    if sources.is_streamed(dataset) and dataset["preprocessing"]["center_crop"] is None:
        raise InputError(
            f"{where} lacks the key 'preprocessing.center_crop': streamed images may have any size, so give the side "
            "in pixels that they are cut to"
        )
    if sources.form(dataset) == sources.IMAGES:
        _check_channels(dataset, where)
    if "like" in dataset:
        registry.dataset(dataset["like"], f"{where}, key 'like'")
    for recipe, replacement in dataset["recipes"].items():
        for name in [recipe, *(replacement.values() if isinstance(replacement, dict) else [replacement])]:
            registry.recipe(name, f"{where}, key 'recipes'")


def _check_channels(dataset: dict[str, Any], where: str) -> None:
    channels = sources.declared(dataset, "channels", 3)
    for key in ("mean", "std"):
        length = len(dataset["preprocessing"][key])
        if length != channels:
            raise InputError(
                f"{where}, key 'preprocessing.{key}': {length} given, but its images have {channels} channel(s): "
                "give a number for each"
            )


def check_place(registry: Registry, name: str) -> None:
    """Raises InputError if a data set that is used lacks a key or a file, or if its source rejects one."""
    definition, where = registry.datasets[name], place("dataset", name, registry.config["datasets"])
    rules = rules_of(definition["kind"])["properties"]
    for key in sources.missing(definition):
        verb = "name" if "path" in rules[key] else "give"
        raise InputError(f"{where} lacks the key '{key}': {verb} {rules[key]['description']}")
    for key in sources.paths(rules, [sources.FOLDER]):
        if sources.is_stored(definition[key]):
            _check_stored(definition, f"{where}, key '{key}'")
        elif definition[key] is not None and not os.path.isdir(definition[key]):
            raise InputError(
                f"{where}, key '{key}': there is no folder {definition[key]}: create it or correct the path"
            )
    for key in sources.paths(rules, [sources.FILE]):
        if definition[key] is not None and not os.path.isfile(definition[key]):
            raise InputError(f"{where}, key '{key}': there is no file {definition[key]}: correct the path")
    archives.check(definition, where)
    _check_files(definition, where)
    sources.call(definition, "check", where)
    check(registry, name)
    if not sources.is_streamed(definition) and sources.declared(definition, "side", None) is None:
        raise InputError(
            f"data.sources.{definition['kind']} declares neither SIDE nor side(settings): say what side its images "
            f"have in pixels ({where})"
        )


def _check_stored(definition: dict[str, Any], where: str) -> None:
    """Raises InputError unless a data set's folder in a storage holds its archive, which a job fetches."""
    if not definition.get("archive"):
        raise InputError(
            f"{where}: of a storage only the archives of CIFAR and THUCNews are read: copy the folder to the machine "
            "that starts Snakemake, which reads it once"
        )


def _check_files(definition: dict[str, Any], where: str) -> None:
    """Raises InputError if a file is missing that a data set names relative to a folder."""
    remedy = " or ".join(["the name", *sources.paths(sources.keys(definition["kind"]), [sources.FOLDER])])
    for key, paths in _named_files(definition).items():
        for path in paths:
            if not os.path.isfile(path):
                raise InputError(f"{where}, key '{key}': there is no file {path}: correct {remedy}")


def contents(definition: dict[str, Any]) -> str:
    """A text that changes when the files of a data set change: made by its source, else a hash of each named file.

    Empty for a data set without files of its own, or whose files are identified by their md5.
    """
    if parts.defines(sources.PACKAGE, definition["kind"], "contents"):
        return str(sources.call(definition, "contents"))
    single = [definition[key] for key in sources.paths(sources.keys(definition["kind"]), [sources.FILE])]
    below_folders = [path for paths in _named_files(definition).values() for path in paths]
    unpacked = archives.unpacked(definition) if sources.declared(definition, "files_of_archive", ()) else []
    read = [path for path in single if path is not None] + below_folders + unpacked
    return " ".join(files.sha256(path)[:16] for path in read)


def _named_files(definition: dict[str, Any]) -> dict[str, list[Path]]:
    """Files that a source reads below a folder, by the key that names them."""
    paths: dict[str, list[Path]] = sources.call(definition, "files", default={})
    return paths


def needs(name: str, dataset: dict[str, Any]) -> list[str]:
    """What is missing before a data set can be read."""
    if "needs" in dataset:
        return [dataset["needs"]]
    required = sources.required(dataset["kind"])
    if sources.declared(dataset, "awaits_copy", False) and sources.missing(dataset) == required:
        keys = " and ".join([", ".join(required[:-1]), required[-1]] if required[1:] else required)
        return [f"your copy of {dataset['title']}: set {keys} of data set {name}"]
    return []
