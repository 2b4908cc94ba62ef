"""Images in memory."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longtail.data import content

MARK = "train_images"


# Compared by identity: NumPy does not say whether two arrays are equal.
@dataclass(frozen=True, eq=False)
class Arrays:
    """Images [N, H, W, C] uint8 and labels [N] int64 of both splits, and the class names in label order."""

    form: ClassVar[str] = "images"
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: list[str]

    def digests(self, indices: NDArray[np.int64]) -> dict[str, str]:
        """Digests of the training images at `indices` and of the test set, from labels and pixels."""
        return {
            "train": content.digest(content.rows(self.train_images[indices]), self.train_labels[indices]),
            "test": content.digest(content.rows(self.test_images), self.test_labels),
        }


Data = Arrays
