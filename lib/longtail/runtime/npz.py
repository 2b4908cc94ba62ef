"""Named arrays in one uncompressed .npz, written whole and read without unpickling."""

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
        with np.load(path, allow_pickle=False) as stored:
            return name in stored
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return False


def load(path: Path | str, names: Collection[str], what: str) -> dict[str, Array]:
    """Read the arrays `names`; InputError, saying `what` the file should be, when it is cut short or lacks one."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a whole {what} file ({error}): delete it and run again") from error
