"""Named arrays in an uncompressed .npz file, written completely or not at all, and read without unpickling."""

import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.runtime import files
from longtail.runtime.errors import InputError

Array = NDArray[Any]


def save(path: Path | str, arrays: Mapping[str, Array]) -> None:
    """Write all arrays under their names."""
    with files.whole(path) as handle:
        np.savez(handle, **arrays)  # type: ignore[arg-type]


def holds(path: Path | str, name: str) -> bool:
    """Whether a file is an .npz that has an array of this name."""
    try:
        with _opened(path) as stored:
            return _member(name) in stored.namelist()
    except Exception:  # damaged bytes may raise any exception
        return False


def load(path: Path | str, names: Collection[str], what: str) -> dict[str, Array]:
    """Read the arrays `names`; raises InputError, with `what` the file should be, if it is damaged or lacks one."""
    try:
        return read(path, names)
    except Exception as error:  # as above
        raise InputError(f"{path} is not a whole {what} file ({error}): delete it and run again") from error


def read(path: Path | str, names: Collection[str]) -> dict[str, Array]:
    """Read the arrays `names`; raises any exception if the file is damaged or lacks one."""
    with _opened(path) as stored:
        return {name: _array(stored, name) for name in names}


def _opened(path: Path | str) -> zipfile.ZipFile:
    files.require_regular(path)
    return zipfile.ZipFile(path)


def _member(name: str) -> str:
    return f"{name}.npy"


def _array(stored: zipfile.ZipFile, name: str) -> Array:
    """An array, read to its last byte: only then zipfile compares the checksum, which np.load may skip."""
    with stored.open(_member(name)) as handle:
        array: Array = np.lib.format.read_array(handle, allow_pickle=False)
        if handle.read(1):
            raise ValueError(f"{name} is longer than it says")
    return array
