"""The form every data set takes: uint8 images in memory with their labels."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.runtime import npz


@dataclass(frozen=True)
class Arrays:
    """Images [N, H, W, C] uint8 and labels [N] int64 of both splits, and the class names in label order."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: list[str]


def save(path: Path | str, arrays: Arrays) -> None:
    """Write all five arrays into one .npz."""
    npz.save(path, vars(arrays) | {"classes": np.array(arrays.classes)})


def load(path: Path | str) -> Arrays:
    """Read what `save` wrote; InputError when the file is not whole."""
    stored = npz.load(path, [field.name for field in fields(Arrays)], "arrays")
    return Arrays(**stored | {"classes": stored["classes"].tolist()})
