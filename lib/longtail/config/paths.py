"""Paths that a person gives: relative to the file that they stand in, with `~` and variables written out."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Keys of a data set that say where something is on this machine. No result depends on them.
OF_DATA = ("data_dir", "train_list", "test_list", "pretrained")
ENDINGS = (".yaml", ".yml")


def absolute(given: str, folder: Path) -> str:
    """A path as seen from `folder`: absolute, without `..` and a slash at its end; `~` and `$NAME` are replaced."""
    return os.path.abspath(folder / os.path.expandvars(os.path.expanduser(given)))


def in_mapping(mapping: Any, keys: Iterable[str], folder: Path) -> Any:
    """A mapping with those of `keys` absolute that it gives as text; anything else is left to its schema."""
    if not isinstance(mapping, dict):
        return mapping
    given = {key: mapping[key] for key in keys if isinstance(mapping.get(key), str) and mapping[key]}
    return mapping | {key: absolute(path, folder) for key, path in given.items()}


def in_config(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same for a configuration: its tables and figures given as files, data sets and Stage 1s from elsewhere."""
    whole = dict(config)
    for key in ("tables", "figures"):
        if isinstance(given := config.get(key), list):
            whole[key] = [absolute(item, folder) if _is_file(item) else item for item in given]
    for key, paths in (("datasets", OF_DATA), ("stage1", ("source",))):
        if isinstance(given := config.get(key), dict):
            whole[key] = {name: in_mapping(item, paths, folder) for name, item in given.items()}
    return whole


def _is_file(name: Any) -> bool:
    return isinstance(name, str) and name.endswith(ENDINGS)
