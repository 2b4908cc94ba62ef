"""How far a number would move on another test set of the same size: percentile bootstrap over test images."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from longtail.evaluate.calibration import bin_index
from longtail.evaluate.scores import Floats
from longtail.runtime.errors import InputError

LEVEL = 0.95


def draws(n: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """The rows [N] of each resample: N of N test images, with replacement; one seed draws the same ones every time.

    Raises InputError for resamples < 1.
    """
    if resamples < 1:
        raise InputError(f"resamples is {resamples}, but an interval needs some: set resamples to 1000.")
    rng = np.random.default_rng(seed)
    return (rng.integers(n, size=n) for _ in range(resamples))


def interval(drawn: Floats) -> list[float]:
    """95 % interval [low, high] of a number by its values [R] on resamples: their 2.5 % and 97.5 % quantiles."""
    ends: list[float] = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return ends


def percentile_intervals(
    confidence: Floats, correct: Floats, nll: Floats, brier: Floats, bins: int, resamples: int, seed: int
) -> dict[str, list[float]]:
    """95 % intervals [low, high] of top1, ece, nll and brier; every input is per image, [N].

    Draws N images with replacement `resamples` times and takes the 2.5 % and 97.5 % quantiles (Efron &
    Tibshirani 1993, chapter 13); one draw serves all four. This is the spread over test images, not over
    training seeds. ECE sums absolute values, so a resample's extra noise mostly pushes it up: the interval is
    sound while the ECE is well above the noise of its bins, but for a nearly calibrated model it lies too
    high, at worst above the ECE itself. Raises InputError for resamples < 1.
    """
    n = len(confidence)
    picks = draws(n, resamples, seed)
    index = bin_index(confidence, bins)  # an image keeps its bin in every resample
    gap = correct - confidence
    drawn = {name: np.empty(resamples) for name in ("top1", "ece", "nll", "brier")}
    # Not one product with a [resamples, N] weight matrix: BLAS may round differently with another number of
    # threads, and the matrix is large.
    for r, pick in enumerate(picks):
        drawn["top1"][r] = correct[pick].mean()
        drawn["ece"][r] = np.abs(np.bincount(index[pick], weights=gap[pick])).sum() / n
        drawn["nll"][r] = nll[pick].mean()
        drawn["brier"][r] = brier[pick].mean()
    return {name: interval(values) for name, values in drawn.items()}
