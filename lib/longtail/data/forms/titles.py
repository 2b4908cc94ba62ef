"""Titles as character numbers."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longtail.data import content

MARK = "train_titles"


@dataclass(frozen=True)
class Titles:
    """Titles [N, L] int32 with labels [N] int64, the vectors [V, D] float32 of the characters, and the class names.

    A title is L numbers below V, cut or padded; `characters` [V] are the characters in order of their numbers. The
    validation split is used for early stopping only.
    """

    form: ClassVar[str] = "titles"
    train_titles: NDArray[np.int32]
    train_labels: NDArray[np.int64]
    test_titles: NDArray[np.int32]
    test_labels: NDArray[np.int64]
    validation_titles: NDArray[np.int32]
    validation_labels: NDArray[np.int64]
    vectors: NDArray[np.float32]
    classes: list[str]
    characters: NDArray[np.str_]

    def digests(self, indices: NDArray[np.int64]) -> dict[str, str]:
        """Digests of the training titles at `indices` and of the test set, from labels and character numbers.

        The vectors, with which training starts, and the validation titles, which decide when it stops, have digests
        as well. Character numbers are int32 and vectors float32, little endian.
        """
        train, test, validation = (
            content.rows(titles.astype("<i4"))
            for titles in (self.train_titles[indices], self.test_titles, self.validation_titles)
        )
        return {
            "train": content.digest(train, self.train_labels[indices]),
            "test": content.digest(test, self.test_labels),
            "validation": content.digest(validation, self.validation_labels),
            "vectors": hashlib.sha256(self.vectors.astype("<f4").tobytes()).hexdigest(),
        }


Data = Titles
