"""Subsets that leave a validation split out and do not divide groups; others are those of `long_tail`."""

import logging
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail import imbalance as factors
from longtail.data import groups, long_tail
from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.imbalance import class_counts
from longtail.runtime import parts
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
# Distinguishes the random numbers of the validation split from all others of the same seed.
STREAM = 1


def subset(data: Data, settings: Mapping[str, Any], place: Mapping[str, Any]) -> Subset:
    """The training images that `settings` keep: imbalance, seed, n_max, and three keys that are often absent.

    `validation` is the share of each class that no training uses, `source` are the settings of a source that knows
    groups, and `place` are the paths of the data set. Raises InputError if a class has too few images or groups.
    """
    cut = {key: value for key, value in settings.items() if key not in ("validation", "source")}
    share, source = settings.get("validation", 0.0), settings.get("source")
    labels, classes = data.train_labels, len(data.classes)
    if not share and source is None:
        return long_tail.subset(labels, classes, **cut)
    members = _groups(data, source, place)
    held = (
        validation(labels, members, share, settings["seed"], data.classes) if share else np.zeros(len(labels), bool)
    )
    rest = np.flatnonzero(~held)
    factor = factors.ratio(settings["imbalance"])
    if factor is None or source is None:
        kept = long_tail.subset(labels[rest], classes, **cut)
    else:
        kept = cut_groups(labels[rest], members[rest], factor, data.classes, settings)
    return Subset(rest[kept.indices], kept.counts)


def _groups(data: Data, source: dict[str, Any] | None, place: Mapping[str, Any]) -> NDArray[np.int64]:
    """The number of the group [N] of each training example; examples without a rule are groups of their own."""
    if source is not None:
        keys = parts.find("data.sources", source["kind"]).groups_of({**source, **place})
        return groups.numbered(keys, data.train_labels)
    if (titles := getattr(data, "train_titles", None)) is not None:
        # A title that occurs twice must not be in both splits.
        return np.unique(titles, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return np.arange(len(data.train_labels))


def validation(
    labels: NDArray[np.int64], members: NDArray[np.int64], share: float, seed: int, classes: list[str]
) -> NDArray[np.bool_]:
    """Which images [N] are the validation split: about `share` of each class, in whole groups.

    Of a class with several groups at least one is taken, and never the last one; a class of a single group has no
    validation images, which is logged.
    """
    rng = np.random.default_rng([STREAM, seed])
    held = np.zeros(len(labels), bool)
    for label, name in enumerate(classes):
        rows = np.flatnonzero(labels == label)
        drawn, sizes = _shuffled(members[rows], rng)
        fitting = int(np.searchsorted(np.cumsum(sizes), round(share * len(rows)), side="right"))
        taken = min(max(fitting, 1), len(drawn) - 1)
        if not taken:
            log.info("class '%s' has a single group: no validation images of it", name)
        held[rows] = np.isin(members[rows], drawn[:taken])
    log.info("validation: %d of %d training images", held.sum(), len(held))
    return held


def cut_groups(
    labels: NDArray[np.int64],
    members: NDArray[np.int64],
    factor: Fraction,
    classes: list[str],
    settings: Mapping[str, Any],
) -> Subset:
    """Cut labels [N] to an imbalance factor in whole groups: each class keeps at most its number of images.

    The groups of a class are shuffled and kept from the first on as long as they fit, so that the subset of a larger
    factor is contained in that of a smaller one. Raises InputError if a class has too few images, or no group fits.
    """
    available = np.bincount(labels, minlength=len(classes))
    largest = int(available.min()) if settings["n_max"] is None else settings["n_max"]
    counts = class_counts(largest, factor, len(classes), settings.get("decay_decimals"))
    stream, kept = np.random.default_rng(settings["seed"]), []
    for label, count in enumerate(counts):
        rows = np.flatnonzero(labels == label)
        drawn, sizes = _shuffled(members[rows], stream)
        fitting = int(np.searchsorted(np.cumsum(sizes), count, side="right"))
        if len(rows) < count or not fitting:
            has = f"{len(rows)} training images" if len(rows) < count else f"a first group of {sizes[0]} images"
            raise InputError(
                f"class '{classes[label]}' has {has} and factor {float(factor):g} keeps {count}: lower the factor, "
                "or set the data set's n_max or group_images"
            )
        kept.append(rows[np.isin(members[rows], drawn[:fitting])])
    return Subset(np.concatenate(kept).astype(np.int64), [len(rows) for rows in kept])


def _shuffled(members: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The groups of a class in a drawn order, with their sizes."""
    numbers, sizes = np.unique(members, return_counts=True)
    order = rng.permutation(len(numbers))
    return numbers[order], sizes[order]
