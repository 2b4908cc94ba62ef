"""Digests of sets of examples by their content: equal for equal examples, whatever their order and file format."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def digest(examples: Iterable[bytes], labels: NDArray[np.int64]) -> str:
    """The digest of a set of labelled examples: the sha256 of its examples' digests, sorted and joined.

    The digest of an example is the sha256 of its label (two bytes, little endian) and its bytes.
    """
    each = sorted(
        hashlib.sha256(label.to_bytes(2, "little") + example).digest()
        for label, example in zip(labels.tolist(), examples, strict=True)
    )
    return hashlib.sha256(b"".join(each)).hexdigest()


def rows(array: NDArray[np.generic]) -> Iterable[bytes]:
    """The bytes of each row of an array [N, ...]: of an image its pixels, H x W x C."""
    return (row.tobytes() for row in array)
