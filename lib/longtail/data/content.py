"""What a network has seen, by content: equal for equal images, whatever their order and the form of their files."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.data.arrays import Arrays, Data, Files
from longtail.runtime.errors import InputError

Labels = NDArray[np.int64]
BY_FILES = "paths and sizes of files"


def digests(data: Data, indices: NDArray[np.int64]) -> dict[str, str]:
    """One digest of the training examples that `indices` keep, and one of the test set.

    The digest of an example is the sha256 of its label (two bytes, little endian) and its pixels (H x W x C, uint8).
    The digest of a set is the sha256 of its examples' digests, sorted and joined.
    Images that stay in files are known by path and size instead of pixels, and the key `by` says so. Titles are known
    by their character numbers (int32, little endian). Their `vectors` and `validation` titles have a digest too:
    training starts from the vectors, and the validation titles decide when it stops.
    Raises InputError for a file that is gone.
    """
    train, test = data.train_labels[indices], data.test_labels
    if isinstance(data, Arrays):
        return {"train": _set(_rows(data.train_images[indices]), train), "test": _set(_rows(data.test_images), test)}
    if isinstance(data, Files):
        root = Path(data.root)
        return {
            "by": BY_FILES,
            "train": _set(_sizes(root, data.train_files[indices]), train),
            "test": _set(_sizes(root, data.test_files), test),
        }
    return {
        "train": _set(_rows(data.train_titles[indices].astype("<i4")), train),
        "test": _set(_rows(data.test_titles.astype("<i4")), test),
        "validation": _set(_rows(data.validation_titles.astype("<i4")), data.validation_labels),
        "vectors": hashlib.sha256(data.vectors.astype("<f4").tobytes()).hexdigest(),
    }


def _set(examples: Iterable[bytes], labels: Labels) -> str:
    each = sorted(
        hashlib.sha256(label.to_bytes(2, "little") + example).digest()
        for label, example in zip(labels.tolist(), examples, strict=True)
    )
    return hashlib.sha256(b"".join(each)).hexdigest()


def _rows(array: NDArray[np.generic]) -> Iterable[bytes]:
    return (row.tobytes() for row in array)


def _sizes(root: Path, files: NDArray[np.str_]) -> Iterable[bytes]:
    for file in files.tolist():
        try:
            size = (root / file).stat().st_size
        except OSError as error:
            raise InputError(f"{root / file} cannot be read ({error.strerror}): bring the image back") from error
        yield f"{file}\0{size}".encode()
