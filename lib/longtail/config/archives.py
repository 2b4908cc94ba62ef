"""What a data set that comes in an archive is read from: that archive, another version of it, or files unpacked."""

import os
from pathlib import Path
from typing import Any

from longtail.config import sources
from longtail.runtime.errors import InputError


def versions(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """The archives that a data set can be read from, its own first; another one comes from `data_dir` alone."""
    if not definition.get("archive"):
        return []
    other = _instead(definition)
    also = [{"file": other["file"], "md5": other["md5"], "urls": []}] if other else []
    return [definition["archive"], *also]


def chosen(definition: dict[str, Any]) -> dict[str, Any] | None:
    """The archive that is read: the first that `data_dir` holds, else the data set's own; None without one."""
    if held := _held(definition):
        return held[0]
    return None if unpacked(definition) else definition.get("archive")


def unpacked(definition: dict[str, Any]) -> list[Path]:
    """The files read in place of an archive: all of them, where `data_dir` holds at least one, and no archive.

    They stand in `data_dir` itself, or in the folder that they have in the archive.
    """
    folder, names = definition.get("data_dir"), _names(definition)
    if folder is None or _held(definition):
        return []
    as_packed = [Path(folder, name) for name in names]
    beside = [Path(folder, Path(name).name) for name in names]
    found = (paths for paths in (as_packed, beside) if any(map(os.path.isfile, paths)))
    return next(found, [] if definition.get("archive") else beside)


def check(definition: dict[str, Any], where: str) -> None:
    """InputError, beginning with `where`, for unpacked files of which one is missing."""
    for path in unpacked(definition):
        if not os.path.isfile(path):
            raise InputError(
                f"{where}, key 'data_dir': there is no file {path}, which belongs to those beside it: complete them, "
                "or put their archive into data_dir"
            )


def _held(definition: dict[str, Any]) -> list[dict[str, Any]]:
    folder = definition.get("data_dir")
    return [v for v in versions(definition) if folder is not None and os.path.isfile(Path(folder, v["file"]))]


def _names(definition: dict[str, Any]) -> list[str]:
    """Files that may be read unpacked, as the archive names them."""
    return [*sources.declared(definition, "files_of_archive", ()), *_instead(definition).get("files", ())]


def _instead(definition: dict[str, Any]) -> dict[str, Any]:
    """The other version that the source knows of an archive; empty where it knows none."""
    known: dict[str, dict[str, Any]] = sources.declared(definition, "other_versions", {})
    return known.get(definition["archive"]["file"], {}) if definition.get("archive") else {}
