"""The form every data set takes: uint8 images in memory with their labels."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.runtime import files
from longtail.runtime.errors import InputError


@dataclass(frozen=True)
class Arrays:
    """Images [N, H, W, C] uint8 and labels [N] int64 of both splits, and the class names in label order."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: list[str]


def save(path: Path | str, arrays: Arrays) -> None:
    """Write all five arrays into one uncompressed .npz."""
    with files.whole(path) as handle:
        np.savez(
            handle,
            train_images=arrays.train_images,
            train_labels=arrays.train_labels,
            test_images=arrays.test_images,
            test_labels=arrays.test_labels,
            classes=np.array(arrays.classes),
        )


def load(path: Path | str) -> Arrays:
    """Read what `save` wrote; InputError when the file is not whole."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Arrays(
                stored["train_images"],
                stored["train_labels"],
                stored["test_images"],
                stored["test_labels"],
                stored["classes"].tolist(),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a whole arrays file ({error}): delete it and run again") from error
