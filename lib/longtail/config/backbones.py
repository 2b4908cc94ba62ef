"""Backbones that start from trained weights: entries of `backbones`, which tables name like those of `models/`."""

import functools
import os
import re
from pathlib import Path
from typing import Any

from longtail import results
from longtail.config.blame import THE_CONFIG
from longtail.config.registry import Registry
from longtail.runtime import files, parts
from longtail.runtime.errors import InputError

MODELS = "models"
# What torchvision calls its weights; anything else is a path.
PUBLISHED = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
# The normalisation of images that torchvision's and timm's ResNets were trained with.
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
NORMALISATION = tuple(IMAGENET)
# Where the network of a run is, from the folder of the run or from that of its Stage 1.
NETWORKS = ("last.pt", "stage1/last.pt")
Entry = dict[str, Any]


def entry(registry: Registry, name: str) -> Entry | None:
    """What a name in a table stands for; None where it is a backbone of `models/` itself."""
    found: Entry | None = registry.config["backbones"].get(name)
    return found


def architecture(registry: Registry, name: str) -> str:
    """The backbone of `models/` that a name in a table stands for."""
    found = entry(registry, name)
    return str(found["backbone"]) if found else name


def check(registry: Registry) -> None:
    """Raises InputError for the first entry with a bad name, or an unknown backbone, recipe or name of weights."""
    known = [name for name in parts.names(MODELS) if not parts.settings(MODELS, name)]
    for name, definition in registry.config["backbones"].items():
        at = where(name)
        if not re.fullmatch(r"\w+", name) or name in parts.names(MODELS):
            raise InputError(f"{at}: the name must be letters, digits and _, and not that of a backbone: rename it")
        if definition["backbone"] not in known:
            raise InputError(
                f"{at}, key 'backbone': unknown backbone '{definition['backbone']}', or one that takes its weights "
                f"from the data set: {parts.nearest(definition['backbone'], known)}"
            )
        if definition["recipe"] is not None:
            registry.recipe(definition["recipe"], f"{at}, key 'recipe'")
        if PUBLISHED.fullmatch(definition["weights"]) and definition["weights"] not in _urls(definition):
            raise InputError(
                f"{at}, key 'weights': {definition['backbone']} has no published weights '{definition['weights']}': "
                f"{parts.nearest(definition['weights'], _urls(definition))}; or name a file"
            )


def where(name: str) -> str:
    """The beginning of an error message about an entry."""
    return f"{THE_CONFIG}, backbone '{name}'"


def check_place(registry: Registry, name: str) -> None:
    """Raises InputError if an entry that is used names no file and no run, or if the record of the run is damaged."""
    definition = registry.config["backbones"][name]
    if archive(definition):
        return
    path = _own_file(definition)
    if not os.path.isfile(path):
        raise InputError(
            f"{where(name)}, key 'weights': there is no file {path}, nor a finished run in a folder of that name: "
            "correct the path"
        )
    normalisation(definition, name)


def archive(definition: Entry) -> dict[str, Any] | None:
    """The file, the beginning of its sha256 and the mirror of published weights; None for a file of one's own."""
    url = _urls(definition).get(definition["weights"])
    if url is None:
        return None
    file = url.rsplit("/", 1)[1]
    return {"file": file, "sha256": Path(file).stem.rsplit("-", 1)[1], "urls": [url]}


def place(definition: Entry) -> str:
    """The path of the weights on this machine, where published ones are once they are downloaded."""
    published = archive(definition)
    return f"{results.WEIGHTS}/{published['file']}" if published else str(_own_file(definition))


def digest(definition: Entry) -> str:
    """The sha256 of the weights (of published ones its beginning); the path itself if the file is missing."""
    published = archive(definition)
    return str(published["sha256"]) if published else _content(str(_own_file(definition)))


def normalisation(definition: Entry, name: str) -> dict[str, Any]:
    """The means and deviations of channels that the weights expect; empty for a network on titles.

    They are given, those of a run of this project, or ImageNet's. Raises InputError for a damaged record of a run.
    """
    if definition.get("normalisation"):
        return dict(definition["normalisation"])
    if (record := record_of(definition)) is None:
        return IMAGENET
    try:
        preprocessing = files.parse_json(record)["settings"]["preprocessing"]
        return {key: preprocessing[key] for key in NORMALISATION if preprocessing}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{where(name)}, key 'weights': {record} is not the record of a run: restore it, or give normalisation: "
            "{mean: […], std: […]}"
        ) from error


def record_of(definition: Entry) -> Path | None:
    """The record of the run that weights come from, which lies beside them; None without one."""
    path = _own_file(definition).with_name("provenance.json")
    return path if not archive(definition) and path.is_file() else None


def _own_file(definition: Entry) -> Path:
    path = Path(definition["weights"])
    return next((path / network for network in NETWORKS if (path / network).is_file()), path)


def _urls(definition: Entry) -> dict[str, str]:
    urls: dict[str, str] = parts.literal(MODELS, definition["backbone"], "PUBLISHED", {})
    return urls


@functools.cache
def _content(path: str) -> str:
    return files.sha256(path) if os.path.isfile(path) else path
