"""Paths that a person gives: relative to the file that they stand in, with `~` and variables written out."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from longtail.config import sources

ENDINGS = (".yaml", ".yml")


def absolute(given: str, folder: Path) -> str:
    """A path as seen from `folder`: absolute, without `..` and a slash at its end; `~` and `$NAME` are replaced."""
    return os.path.abspath(folder / os.path.expandvars(os.path.expanduser(given)))


def in_dataset(definition: Any, kind: Any, folder: Path) -> Any:
    """A data set's definition, or a part of one, with the paths absolute that data sets of its `kind` have."""
    own = sources.keys(kind) if kind in sources.kinds() else {}
    return in_mapping(definition, sources.paths(own | sources.keys_of_backbones()), folder)


def in_mapping(mapping: Any, keys: Iterable[str], folder: Path) -> Any:
    """A mapping with those of `keys` absolute that it gives as text; anything else is left to its schema."""
    if not isinstance(mapping, dict):
        return mapping
    given = {key: mapping[key] for key in keys if isinstance(mapping.get(key), str) and mapping[key]}
    return mapping | {key: absolute(path, folder) for key, path in given.items()}


def in_config(config: dict[str, Any], folder: Path, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a configuration: its tables and figures given as files, data sets and Stage 1s from elsewhere.

    `kinds` has the kind of each data set.
    """
    whole = dict(config)
    for key in ("tables", "figures"):
        if isinstance(given := config.get(key), list):
            whole[key] = [absolute(item, folder) if _is_file(item) else item for item in given]
    if isinstance(given := config.get("datasets"), dict):
        whole["datasets"] = {name: in_dataset(item, kinds.get(name), folder) for name, item in given.items()}
    if isinstance(given := config.get("stage1"), dict):
        whole["stage1"] = {name: in_mapping(item, ["source"], folder) for name, item in given.items()}
    return whole


def _is_file(name: Any) -> bool:
    return isinstance(name, str) and name.endswith(ENDINGS)
