"""The configuration of a run: its files and the arguments of `--config`, merged in order."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from longtail.config import paths, schema
from longtail.config.blame import NONE
from longtail.config.registry import CONFIG, merge


def read(files: Iterable[Path | str], arguments: Mapping[str, Any] = NONE) -> dict[str, Any]:
    """The configuration in `files`, where later ones override earlier ones, then `arguments`; its paths are absolute.

    A path in a file is relative to the folder of that file, one of `arguments` to the working directory.
    Raises InputError for a file that cannot be read.
    """
    # Snakemake lists the default last, though all other files override it.
    ordered = sorted(map(Path, files), key=lambda path: path.resolve() != CONFIG / "config.yaml")
    layers = [(schema.read_yaml(path), path.parent) for path in ordered] + [(dict(arguments), Path.cwd())]
    kinds = _kinds(layer for layer, _ in layers)
    config: dict[str, Any] = {}
    for layer, folder in layers:
        config = merge(config, paths.in_config(layer, folder, kinds))
    return config


def _kinds(layers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The kind of each data set in the layers, which determines its paths: the last one, else that in `config/`."""
    kinds: dict[str, Any] = {}
    for layer in layers:
        datasets = layer.get("datasets")
        for name, definition in datasets.items() if isinstance(datasets, dict) else ():
            if isinstance(definition, dict) and "kind" in definition:
                kinds[name] = definition["kind"]
            elif name not in kinds and os.path.isfile(shipped := CONFIG / "datasets" / f"{name}.yaml"):
                kinds[name] = schema.read_yaml(shipped).get("kind")
    return kinds
