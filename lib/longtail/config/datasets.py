"""What a data set's definition says, and what it must say before it can be used."""

import os
from pathlib import Path
from typing import Any

from longtail.config import archives, text_files
from longtail.config.blame import place
from longtail.config.registry import Registry
from longtail.config.sources import IMAGES, form, is_streamed, of_source
from longtail.runtime import image_tree, parts
from longtail.runtime.errors import InputError


def check(registry: Registry, name: str) -> None:
    dataset, where = registry.datasets[name], place("dataset", name, registry.config["datasets"])
    if ("kind" in dataset) == ("needs" in dataset):
        raise InputError(f"{where}: give the data set a 'kind', or say what it 'needs' before it can be used")
    kinds = parts.names("data.sources")
    if "kind" in dataset and dataset["kind"] not in kinds:
        raise InputError(
            f"{where}, key 'kind': unknown kind '{dataset['kind']}': {parts.nearest(dataset['kind'], kinds)}"
        )
    if dataset["streamed"] and dataset.get("kind") != "folder":
        raise InputError(f"{where}, key 'streamed': only a folder can be streamed: remove it")
    if is_streamed(dataset) and dataset["preprocessing"]["center_crop"] is None:
        raise InputError(
            f"{where} lacks the key 'preprocessing.center_crop': streamed images may have any size, so give the side "
            "in pixels that they are cut to"
        )
    if form(dataset) == IMAGES:
        _check_channels(dataset, where)
    if "like" in dataset:
        registry.dataset(dataset["like"], f"{where}, key 'like'")
    for recipe, instead in dataset["recipes"].items():
        for name in [recipe, *(instead.values() if isinstance(instead, dict) else [instead])]:
            registry.recipe(name, f"{where}, key 'recipes'")


def _check_channels(dataset: dict[str, Any], where: str) -> None:
    channels = of_source(dataset, "CHANNELS", 3)
    for key in ("mean", "std"):
        given = len(dataset["preprocessing"][key])
        if given != channels:
            raise InputError(
                f"{where}, key 'preprocessing.{key}': {given} given, but its images have {channels} channel(s): "
                "give a number for each"
            )


def check_place(registry: Registry, name: str) -> None:
    definition = registry.datasets[name]
    folder, where = definition["data_dir"], place("dataset", name, registry.config["datasets"])
    if folder is None and definition["kind"] == "folder":
        raise InputError(f"{where} lacks the key 'data_dir': name the folder that holds train/ and test/")
    if definition["kind"] == "image_list":
        needed = of_source(definition, "READS", ())
        for key in needed:
            if definition[key] is None:
                raise InputError(f"{where} lacks the key '{key}': a data set of lists needs {', '.join(needed)}")
    if folder is not None and not os.path.isdir(folder):
        raise InputError(f"{where}, key 'data_dir': there is no folder {folder}: create it or correct the path")
    for key in ("train_list", "test_list", "pretrained"):
        if definition[key] is not None and not os.path.isfile(definition[key]):
            raise InputError(f"{where}, key '{key}': there is no file {definition[key]}: correct the path")
    archives.check(definition, where)
    text_files.check(definition, where)
    if definition["kind"] == "folder":
        image_tree.listing(Path(folder))


def needs(name: str, dataset: dict[str, Any]) -> list[str]:
    """What is missing before a data set can be read."""
    needs = [dataset["needs"]] if "needs" in dataset else []
    wanted = of_source(dataset, "READS", ())
    if dataset.get("kind") == "image_list" and not any(dataset[key] for key in wanted):
        needs.append(f"your copy of {dataset['title']}: set data_dir, train_list and test_list of data set {name}")
    return needs
