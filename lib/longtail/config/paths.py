"""Paths in a configuration, made absolute: they are relative to their file, and `~` and variables are expanded."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from longtail.config import sources
from longtail.config.backbones import PUBLISHED

ENDINGS = (".yaml", ".yml")


def absolute(path: str, folder: Path) -> str:
    """A path relative to `folder` as an absolute one, without `..` or a final slash; `~` and `$NAME` are expanded.

    A place in a storage (`s3://…`) is returned as it is.
    """
    if sources.is_stored(path):
        return path.rstrip("/")
    return os.path.abspath(folder / os.path.expandvars(os.path.expanduser(path)))


def in_dataset(definition: Any, kind: Any, folder: Path) -> Any:
    """A data set's definition, or a part of one, in which the paths that its `kind` declares are absolute."""
    own = sources.keys(kind) if kind in sources.kinds() else {}
    return in_mapping(definition, sources.paths(own | sources.keys_of_backbones()), folder)


def in_mapping(mapping: Any, keys: Iterable[str], folder: Path) -> Any:
    """A mapping in which the paths under `keys` are absolute; values that are not text are left unchanged."""
    if not isinstance(mapping, dict):
        return mapping
    relative = {key: mapping[key] for key in keys if isinstance(mapping.get(key), str) and mapping[key]}
    return mapping | {key: absolute(path, folder) for key, path in relative.items()}


def in_config(config: dict[str, Any], folder: Path, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with absolute paths: of table and figure files, in data sets, of weights and Stage 1s.

    `kinds` has the kind of each data set.
    """
    result = dict(config)
    for key in ("tables", "figures"):
        if isinstance(names := config.get(key), list):
            result[key] = [absolute(item, folder) if _is_file(item) else item for item in names]
    if isinstance(datasets := config.get("datasets"), dict):
        result["datasets"] = {name: in_dataset(item, kinds.get(name), folder) for name, item in datasets.items()}
    if isinstance(backbones := config.get("backbones"), dict):
        result["backbones"] = {name: _in_backbone(item, folder) for name, item in backbones.items()}
    if isinstance(imports := config.get("stage1"), dict):
        result["stage1"] = {name: in_mapping(item, ["source"], folder) for name, item in imports.items()}
    return result


def _in_backbone(entry: Any, folder: Path) -> Any:
    weights = entry.get("weights") if isinstance(entry, dict) else None
    is_path = isinstance(weights, str) and not PUBLISHED.fullmatch(weights)
    return in_mapping(entry, ["weights"], folder) if is_path else entry


def _is_file(name: Any) -> bool:
    return isinstance(name, str) and name.endswith(ENDINGS)
