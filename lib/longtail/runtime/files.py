"""Reading and writing files; a written file is either complete or does not exist."""

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
    """Open a temporary file beside `path` for writing; it is renamed to `path` once it is written and synced.

    Raises InputError, naming the file, if the disk is full or the folder cannot be written.
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
    """Write a UTF-8 text file, completely or not at all."""
    with whole(path) as handle:
        handle.write(text.encode())


def write_json(path: Path | str, value: Any) -> None:
    """Write JSON with sorted keys and no NaN, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def require_regular(path: Path | str) -> None:
    """Raises OSError if a path is not a file but a folder, a device or a pipe (which a reader would wait for)."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is a folder, a pipe or a device, not a file", str(path))


def check_archive(path: Path | str) -> None:
    """Check a zip archive by its checksums; raises ValueError, or any error of zipfile, if it is damaged."""
    require_regular(path)
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise ValueError(f"{damaged} does not match its checksum")


def parse_json(path: Path | str) -> Any:
    """The content of a JSON file; raises OSError or ValueError if it cannot be read."""
    require_regular(path)
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def read_json(path: Path | str, *keys: str) -> Any:
    """Read a JSON file; raises InputError if it is missing, truncated, or not a mapping with all `keys`."""
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
