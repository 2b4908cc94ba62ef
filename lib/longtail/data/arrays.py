"""The forms a data set takes: uint8 images in memory, the files that hold them, or titles as character numbers."""

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


@dataclass(frozen=True)
class Titles:
    """Titles [N, L] int32 with labels [N] int64, the vectors [V, D] float32 of the characters, and the class names.

    A title is L numbers below V, cut or padded. The validation split, which neither trains nor tests, is what a
    recipe stops early on.
    """

    train_titles: NDArray[np.int32]
    train_labels: NDArray[np.int64]
    test_titles: NDArray[np.int32]
    test_labels: NDArray[np.int64]
    validation_titles: NDArray[np.int32]
    validation_labels: NDArray[np.int64]
    vectors: NDArray[np.float32]
    classes: list[str]


Data = Arrays | Files | Titles
# An array that each form has and no other.
MARKS = {"train_files": Files, "train_titles": Titles}


def save(path: Path | str, data: Data) -> None:
    """Write all fields but `root`, which is where this machine has the files, into one .npz."""
    npz.save(path, {name: np.asarray(value) for name, value in vars(data).items() if name != "root"})


def load(path: Path | str, root: str = "") -> Data:
    """Read what `save` wrote, in the form it was; files are below `root`. InputError when the .npz is not whole."""
    form: Any = next((form for mark, form in MARKS.items() if npz.holds(path, mark)), Arrays)
    wanted = [field.name for field in fields(form) if field.name != "root"]
    stored: dict[str, Any] = npz.load(path, wanted, "arrays")
    stored["classes"] = stored["classes"].tolist()
    data: Data = form(**stored, root=root) if form is Files else form(**stored)
    return data
