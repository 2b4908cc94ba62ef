"""Outputs appear whole or not at all."""

import contextlib
import errno
import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from longtail.runtime.errors import InputError


@contextlib.contextmanager
def whole(path: Path | str) -> Iterator[BinaryIO]:
    """Open a temporary name beside `path` for writing; it takes the final name once written and synced.

    Raises InputError, naming the file, when the disk is full or the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}: free space or make it writable") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write a UTF-8 text file whole."""
    with whole(path) as handle:
        handle.write(text.encode())


def write_json(path: Path | str, value: Any) -> None:
    """Write JSON with sorted keys and no NaN, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def require_regular(path: Path | str) -> None:
    """OSError where a path is none of a file: a folder, or a pipe, which would keep a reader waiting for ever."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is a folder, a pipe or a device, not a file", str(path))


def check_archive(path: Path | str) -> None:
    """Compare the checksums in a zip archive; ValueError, or any error of zipfile, where it is not whole."""
    require_regular(path)
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise ValueError(f"{damaged} does not fit its checksum")


def parse_json(path: Path | str) -> Any:
    """The content of a JSON file; OSError or ValueError where it cannot be read."""
    require_regular(path)
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def read_json(path: Path | str, *keys: str) -> Any:
    """Read a JSON file; InputError when it is missing, cut short, or not a mapping that has all `keys`."""
    try:
        content = parse_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not readable JSON ({error}): delete it and run again") from error
    for key in keys:
        if not isinstance(content, dict) or key not in content:
            raise InputError(f"{path} has no '{key}': delete the file and run again")
    return content


def sha256(path: Path | str) -> str:
    """Hash of a file's bytes."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
