"""Images that stay in files and are decoded in the training loop, for sets that do not fit into memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longtail.data import content
from longtail.runtime.errors import InputError

MARK = "train_files"
BY_FILES = "paths and sizes of files"


@dataclass(frozen=True)
class Files:
    """Image files [N] of both splits, paths below `root`, labels [N] int64 and the class names in label order."""

    form: ClassVar[str] = "files"
    root: str
    train_files: NDArray[np.str_]
    test_files: NDArray[np.str_]
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    classes: list[str]

    def digests(self, indices: NDArray[np.int64]) -> dict[str, str]:
        """Digests of the training images at `indices` and of the test set, from labels, paths and file sizes.

        The key `by` says that they are not made from pixels. Raises InputError for a missing file.
        """
        root = Path(self.root)
        return {
            "by": BY_FILES,
            "train": content.digest(_sizes(root, self.train_files[indices]), self.train_labels[indices]),
            "test": content.digest(_sizes(root, self.test_files), self.test_labels),
        }


Data = Files


def _sizes(root: Path, files: NDArray[np.str_]) -> Iterable[bytes]:
    for file in files.tolist():
        try:
            size = (root / file).stat().st_size
        except OSError as error:
            raise InputError(f"{root / file} cannot be read ({error.strerror}): bring the image back") from error
        yield f"{file}\0{size}".encode()
