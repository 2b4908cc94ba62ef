"""Two methods on the same test images: how far apart they are, and whether that shows which of them is better."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from longtail import results
from longtail.evaluate import calibration, protocols
from longtail.evaluate.bootstrap import draws, interval
from longtail.evaluate.columns import METRICS
from longtail.evaluate.predictions import Predictions, checked
from longtail.evaluate.scores import Floats, Integers
from longtail.runtime.errors import InputError


class Verdict(StrEnum):
    """What runs say of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True)
class Estimate:
    """A metric of one network, as it is stored: on the test set, and on each resample of it [R]."""

    value: float
    drawn: Floats


# By protocol, metric and the path of the logits.
Estimates = dict[str, dict[str, dict[str, Estimate]]]


@dataclass(frozen=True)
class Difference:
    """Means of two methods over the seeds they share, and better − other under each; all as they are stored.

    `low` and `high` are the 95 % interval of the mean difference over test images, with the networks fixed.
    """

    better: float
    other: float
    by_seed: dict[int, float]
    low: float
    high: float

    @property
    def mean(self) -> float:
        """Better − other."""
        return self.better - self.other


def estimates(paths: Sequence[str], metrics: Collection[str], bins: int, resamples: int, seed: int = 0) -> Estimates:
    """Metrics of networks, by the names of the files with their logits, all on the same resamples of the test set.

    Raises InputError for a file that is not whole, logits that `predictions.checked` refuses, test images that differ
    or stand in another order, and resamples < 1.
    """
    made: Estimates = {protocol: {metric: {} for metric in metrics} for protocol in protocols.PROTOCOLS}
    first: Integers | None = None
    for path in paths:
        arrays = protocols.load(path)
        labels = arrays["labels"]
        first = labels if first is None else first
        if not np.array_equal(first, labels):
            raise InputError(
                f"{path} has other test images than {paths[0]}, or in another order: delete the older and run again"
            )
        for protocol, by_metric in made.items():
            predictions = checked(arrays[protocol], labels, bins)
            for metric, by_path in by_metric.items():
                by_path[results.name(path)] = Estimate(
                    _value(metric, predictions), _drawn(metric, predictions, resamples, seed)
                )
    return made


def _drawn(metric: str, predictions: Predictions, resamples: int, seed: int) -> Floats:
    """A metric on each resample [R]. One seed draws the same images for every network."""
    picks = draws(len(predictions.labels), resamples, seed)
    if metric == "top1":
        return np.array([predictions.correct[pick].mean() for pick in picks])
    if metric == "ece":
        return np.array(list(_resampled_ece(predictions, picks)))
    return np.array([_value(metric, predictions.rows(pick)) for pick in picks])


def _resampled_ece(predictions: Predictions, picks: Iterator[NDArray[np.int64]]) -> Iterator[float]:
    """The ECE on each resample, without sorting its images into bins again: an image keeps its bin."""
    n, bins = len(predictions.labels), predictions.bins
    index = calibration.bin_index(predictions.confidence, bins)
    gap = predictions.correct - predictions.confidence
    for pick in picks:
        times = np.bincount(pick, minlength=n)  # that each image is in the resample
        yield float(np.abs(np.bincount(index, times * gap, bins)).sum() / n)


def _value(metric: str, predictions: Predictions) -> float:
    """A metric of some predictions; NaN, of which nothing is shown, where it has none."""
    value = METRICS[metric].value(predictions)
    return math.nan if value is None else value


def difference(better: Mapping[int, Estimate], other: Mapping[int, Estimate]) -> Difference | None:
    """How far two methods, each by seed, are apart over the seeds that both have; None where they share none.

    A percentile bootstrap over test images (Efron & Tibshirani 1993, chapter 13): the same images are drawn for both
    methods and all seeds, and the difference is averaged over seeds in each draw. Images that are hard for both
    methods cancel, so the interval is narrower than those of the two alone. It says nothing about the spread over
    trainings, because the networks are fixed and only the test images are drawn. The ECE of a resample is a little
    too high, the more so the better a network is calibrated (`bootstrap.percentile_intervals`), so intervals of its
    differences are biased against the better one.
    """
    shared = sorted(better.keys() & other.keys())
    if not shared:
        return None
    drawn = np.mean([better[seed].drawn - other[seed].drawn for seed in shared], axis=0)
    low, high = interval(drawn)
    return Difference(
        float(np.mean([better[seed].value for seed in shared])),
        float(np.mean([other[seed].value for seed in shared])),
        {seed: better[seed].value - other[seed].value for seed in shared},
        low,
        high,
    )


def judge(measured: Difference, metric: str) -> Verdict:
    """Whether the one method is better than the other.

    It holds where the whole interval, and the difference under every shared seed, is on the claimed side. It fails
    where the whole interval and the mean difference are on the other side: the intervals of calibration errors are
    biased (`difference`), and must not refute a claim that the numbers themselves support. Anything else is not
    shown.
    """
    sign = METRICS[metric].sign
    ends = (sign * measured.low, sign * measured.high)
    if min(ends) > 0 and all(sign * value > 0 for value in measured.by_seed.values()):
        return Verdict.HOLDS
    if max(ends) < 0 and sign * measured.mean < 0:
        return Verdict.FAILS
    return Verdict.NOT_SHOWN


def judge_all(verdicts: Collection[Verdict], complete: bool) -> Verdict:
    """Whether a method is better than each of several; not `complete` where one of them has nothing to compare.

    One that is shown to be better refutes the claim, whatever a missing one would say; without a missing one it
    cannot hold, as that may be the best. Nothing is corrected for the number of comparisons: holding against each is
    harder with every method more, but so is escaping one that is ahead by chance.
    """
    if Verdict.FAILS in verdicts:
        return Verdict.FAILS
    return Verdict.HOLDS if complete and set(verdicts) == {Verdict.HOLDS} else Verdict.NOT_SHOWN
