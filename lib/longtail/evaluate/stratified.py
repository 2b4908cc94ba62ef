"""Test sets drawn anew, class by class: a bootstrap that leaves no class without images."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from longtail.evaluate.scores import Floats, Integers
from longtail.runtime.errors import InputError

ROWS = 128  # resamples at a time, so that memory stays bounded; another number would draw other images


def weights(labels: Integers, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each test image [N] counts in each resample, in blocks [≤ 128, N]; the mean weight is 1.

    Of the n images of a class n − 1 are drawn with replacement, each counting n/(n − 1) times: every class keeps its
    weight, and the variance of a mean over resamples is its unbiased estimate, s²/n, where drawing n would make it
    too small by (n − 1)/n, a half for a class of two images (McCarthy & Snowden 1985; Rao & Wu 1988). Classes with a
    single image are drawn together, since one image says nothing about the spread of its class.
    One seed draws the same images every time. Raises InputError for resamples < 1.
    """
    if resamples < 1:
        raise InputError(f"resamples is {resamples}, but an interval needs some: set resamples to 1000.")
    strata, rng = _strata(labels), np.random.default_rng(seed)
    for first in range(0, resamples, ROWS):
        block = np.ones((min(ROWS, resamples - first), len(labels)))
        for members in strata:
            block[:, members] = _drawn(len(members), len(block), rng)
        yield block


def _strata(labels: Integers) -> list[NDArray[np.intp]]:
    """The rows of each class with two images or more, and those of all others together."""
    order = np.argsort(labels, kind="stable")
    classes = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    single = [members for members in classes if len(members) == 1]
    several = [members for members in classes if len(members) > 1]
    if len(single) == 1 and several:  # joins the smallest class
        smallest = min(range(len(several)), key=lambda number: len(several[number]))
        several[smallest] = np.concatenate([several[smallest], *single])
    elif len(single) > 1:
        several.append(np.concatenate(single))
    return several


def _drawn(n: int, rows: int, rng: np.random.Generator) -> Floats:
    """Weights [rows, n]: n − 1 draws out of n."""
    picks = rng.integers(n, size=(rows, n - 1)) + n * np.arange(rows)[:, None]
    counts = np.bincount(picks.ravel(), minlength=rows * n).reshape(rows, n)
    return counts * np.float64(n / (n - 1))
