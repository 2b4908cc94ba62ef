"""Which files a data set is read from: its archive, another version of that archive, or unpacked files."""

import os
from pathlib import Path
from typing import Any

from longtail.config import sources
from longtail.runtime.errors import InputError


def versions(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """The archives that a data set can be read from, its own first; any other has to lie in `data_dir`."""
    if not definition.get("archive"):
        return []
    other = _other_version(definition)
    others = [{"file": other["file"], "md5": other["md5"], "urls": []}] if other else []
    return [definition["archive"], *others]


def chosen(definition: dict[str, Any]) -> dict[str, Any] | None:
    """The archive that is read: the first version that `data_dir` holds, else the data set's own.

    None where unpacked files are read, or where the data set has no archive.
    """
    if held := _held(definition):
        return held[0]
    return None if unpacked(definition) else definition.get("archive")


def unpacked(definition: dict[str, Any]) -> list[Path]:
    """The unpacked files that are read in place of an archive; empty where an archive is read.

    If `data_dir` holds no archive but at least one of its files, then all of its files are expected there: in
    `data_dir` itself, or in the folder that they have in the archive.
    """
    folder, names = definition.get("data_dir"), _names(definition)
    if folder is None or _held(definition):
        return []
    as_packed = [Path(folder, name) for name in names]
    beside = [Path(folder, Path(name).name) for name in names]
    for paths in (as_packed, beside):
        if any(map(os.path.isfile, paths)):
            return paths
    return [] if definition.get("archive") else beside


def check(definition: dict[str, Any], where: str) -> None:
    """Raises InputError, beginning with `where`, if one of the unpacked files is missing."""
    for path in unpacked(definition):
        if not os.path.isfile(path):
            raise InputError(
                f"{where}, key 'data_dir': there is no file {path}, which belongs to those beside it: complete them, "
                "or put their archive into data_dir"
            )


def _held(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """The versions of the archive that `data_dir` holds."""
    folder = definition.get("data_dir")
    return [v for v in versions(definition) if folder is not None and os.path.isfile(Path(folder, v["file"]))]


def _names(definition: dict[str, Any]) -> list[str]:
    """Files that may be read unpacked, as the archive names them."""
    return [*sources.declared(definition, "files_of_archive", ()), *_other_version(definition).get("files", ())]


def _other_version(definition: dict[str, Any]) -> dict[str, Any]:
    """The other version of the archive that the source declares; empty where it declares none."""
    known: dict[str, dict[str, Any]] = sources.declared(definition, "other_versions", {})
    return known.get(definition["archive"]["file"], {}) if definition.get("archive") else {}
