"""Long-tailed subsets, exactly as LDAM-DRW, MiSLAS, BBN and BagofTricks cut them (methods card 1.1)."""

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail import imbalance as factors
from longtail.imbalance import class_counts
from longtail.runtime import files
from longtail.runtime.errors import InputError


@dataclass(frozen=True)
class Subset:
    """The training images that are kept: `indices` [N] into the training arrays, class by class, and `counts` [K].

    `content` holds digests of these images and of the test set (`data.content`), once the images have been read.
    """

    indices: NDArray[np.int64]
    counts: list[int]
    content: dict[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Hash of the index list, as little-endian 64-bit integers in the order kept."""
        return hashlib.sha256(self.indices.astype("<i8").tobytes()).hexdigest()


def cut(
    labels: NDArray[np.int64],
    factor: float | Fraction,
    classes: int,
    seed: int,
    n_max: int | None = None,
    decimals: int | None = None,
) -> Subset:
    """Cut balanced training labels [N] to an imbalance factor.

    One legacy NumPy stream is seeded once; class by class, in label order, all images are shuffled and the first n_i
    are kept, so that the subset of a larger factor is contained in that of a smaller one.
    `n_max` is the size of the largest class (default: the size of the smallest class of the source).
    Raises InputError if a class has fewer images than it should keep.
    """
    available = np.bincount(labels, minlength=classes)
    largest = int(available.min()) if n_max is None else n_max
    counts = class_counts(largest, factor, classes, decimals)
    stream = np.random.RandomState(seed)
    kept = []
    for label, count in enumerate(counts):
        members = np.flatnonzero(labels == label)
        if len(members) < count:
            raise InputError(
                f"class {label} has {len(members)} training images and factor {float(factor):g} keeps {count}: "
                f"set the data set's n_max to at most {available.min()}"
            )
        stream.shuffle(members)
        kept.append(members[:count])
    return Subset(np.concatenate(kept).astype(np.int64), counts)


def natural(labels: NDArray[np.int64], classes: int) -> Subset:
    """Keep every training image, with the natural imbalance of the source."""
    return Subset(np.arange(len(labels), dtype=np.int64), np.bincount(labels, minlength=classes).tolist())


def subset(
    labels: NDArray[np.int64],
    classes: int,
    imbalance: str,
    seed: int,
    n_max: int | None,
    decay_decimals: int | None = None,
) -> Subset:
    """The subset of an `imbalance` as written in paths: `if100`, `if1` (balanced) or `natural`."""
    factor = factors.ratio(imbalance)
    return natural(labels, classes) if factor is None else cut(labels, factor, classes, seed, n_max, decay_decimals)


def save(path: Path | str, subset: Subset) -> None:
    """Write the index list with its hash, the class counts and the digests of the images as JSON."""
    content = {"counts": subset.counts, "total": len(subset.indices), "sha256": subset.sha256}
    content |= {"content": subset.content, "indices": subset.indices.tolist()}
    files.write_json(path, content)


def load(path: Path | str) -> Subset:
    """Read what `save` has written; raises InputError if something is missing or inconsistent."""
    stored = files.read_json(path, "indices", "counts", "sha256", "content")
    indices, counts, content = stored["indices"], stored["counts"], stored["content"]
    if not _is_numbers(indices) or not _is_numbers(counts) or sum(counts) != len(indices):
        raise InputError(f"{path}: its counts are not those of its indices: delete the file and run again")
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise InputError(f"{path}: its 'content' is no digests of images: delete the file and run again")
    subset = Subset(np.array(indices, dtype=np.int64), counts, content)
    if subset.sha256 != stored["sha256"]:
        raise InputError(f"{path}: the index list does not match its sha256: delete the file and run again")
    return subset


def _is_numbers(value: object) -> bool:
    return isinstance(value, list) and all(type(number) is int and 0 <= number < 2**63 for number in value)
