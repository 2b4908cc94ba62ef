"""The forms a data set takes: uint8 images in memory with their labels, or the files that hold them."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Files:
    """Image files [N] of both splits, paths below `root`, with labels [N] int64 and the class names in label order.

    For sets that do not fit into memory: their images are decoded in the training loop.
    """

    root: str
    train_files: NDArray[np.str_]
    test_files: NDArray[np.str_]
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    classes: list[str]


def save(path: Path | str, data: Arrays | Files) -> None:
    """Write all fields into one .npz."""
    npz.save(path, {name: np.asarray(value) for name, value in vars(data).items()})


def load(path: Path | str) -> Arrays | Files:
    """Read what `save` wrote, in the form it was; InputError when the file is not whole."""
    form = Files if npz.holds(path, "train_files") else Arrays
    stored: dict[str, Any] = npz.load(path, [field.name for field in fields(form)], "arrays")
    plain = {name: stored[name].tolist() for name in ("root", "classes") if name in stored}
    return form(**stored | plain)
