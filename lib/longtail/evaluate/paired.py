"""Two methods on the same test images: how far apart they are, and whether that shows which of them is better."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from longtail.evaluate import calibration, protocols, scores
from longtail.evaluate.bootstrap import draws, interval
from longtail.evaluate.score import checked
from longtail.evaluate.scores import Floats, Integers, Logits
from longtail.runtime.errors import InputError

# The sign that better − other has where a metric is better.
BETTER = {"top1": 1, "ece": -1}


class Verdict(StrEnum):
    """What runs say of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True)
class Estimate:
    """A metric of one network, as a fraction: on the test set, and on each resample of it [R]."""

    value: float
    drawn: Floats


# By protocol, metric and the path of the logits.
Estimates = dict[str, dict[str, dict[str, Estimate]]]


@dataclass(frozen=True)
class Difference:
    """Means of two methods over the seeds they share, and better − other under each; all are fractions.

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


def estimates(paths: Sequence[str], bins: int, resamples: int, seed: int = 0) -> Estimates:
    """Top-1 and ECE of networks, by the paths of their logits, all on the same resamples of the test set.

    Raises InputError for a file that is not whole, logits that `score.checked` refuses, test images that differ or
    stand in another order, and resamples < 1.
    """
    stored: dict[str, list[tuple[Floats, Floats]]] = {protocol: [] for protocol in protocols.PROTOCOLS}
    first: Integers | None = None
    for path in paths:
        arrays = protocols.load(path)
        labels = arrays["labels"]
        first = labels if first is None else first
        if not np.array_equal(first, labels):
            raise InputError(
                f"{path} has other test images than {paths[0]}, or in another order: delete the older and run again"
            )
        for protocol, answers in stored.items():
            answers.append(_answers(arrays[protocol], labels))
    return {protocol: _estimates(paths, answers, bins, resamples, seed) for protocol, answers in stored.items()}


def _answers(logits: Logits, labels: Integers) -> tuple[Floats, Floats]:
    """Confidence [N] and whether it is right [N] of one network."""
    logits, labels = checked(logits, labels)
    return scores.softmax(logits).max(axis=1), scores.correct_per_image(logits, labels)


def _estimates(
    paths: Sequence[str], answers: list[tuple[Floats, Floats]], bins: int, resamples: int, seed: int
) -> dict[str, dict[str, Estimate]]:
    if not paths:
        return {metric: {} for metric in BETTER}
    confidence, correct = (np.stack(arrays) for arrays in zip(*answers, strict=True))
    values = {
        "top1": correct.mean(axis=1).tolist(),
        "ece": [calibration.expected_calibration_error(*answer, bins) for answer in answers],
    }
    drawn = _drawn(confidence, correct, bins, resamples, seed)
    return {
        metric: {path: Estimate(*both) for path, *both in zip(paths, values[metric], drawn[metric], strict=True)}
        for metric in BETTER
    }


def _drawn(confidence: Floats, correct: Floats, bins: int, resamples: int, seed: int) -> dict[str, Floats]:
    """Top-1 and ECE [M, R] of M networks with confidence and correct [M, N], each resample the same for all."""
    networks, n = correct.shape
    # Bins of every network side by side, so that one count serves all; an image keeps its bin in every resample.
    place = (calibration.bin_index(confidence, bins) + bins * np.arange(networks)[:, None]).ravel()
    gap = correct - confidence
    drawn = {metric: np.empty((networks, resamples)) for metric in BETTER}
    for r, pick in enumerate(draws(n, resamples, seed)):
        times = np.bincount(pick, minlength=n).astype(np.float64)  # that each image is in the resample
        drawn["top1"][:, r] = correct @ times / n  # sums of whole numbers: the same whatever BLAS does
        sums = np.bincount(place, (times * gap).ravel(), networks * bins)
        drawn["ece"][:, r] = np.abs(sums).reshape(networks, bins).sum(axis=1) / n
    return drawn


def difference(better: Mapping[int, Estimate], other: Mapping[int, Estimate]) -> Difference | None:
    """How far two methods, each by seed, are apart over the seeds that both have; None where they share none.

    A percentile bootstrap over test images (Efron & Tibshirani 1993, chapter 13): the same images are drawn for both
    methods and all seeds, and the difference is averaged over seeds in each draw. What both find hard cancels, which
    makes the interval narrower than those of the two alone. It is silent on the spread over trainings: with the
    networks fixed, seeds are no draws. An ECE of a resample is a little too high, the more so the better a network
    is calibrated (`bootstrap.percentile_intervals`), so intervals of its differences lean against the better one.
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


def judge(found: Difference, metric: str) -> Verdict:
    """Whether the one method is better than the other.

    It holds where the whole interval, and the difference under every shared seed, is on the claimed side. It fails
    where the whole interval and the mean difference are on the other side: the intervals of calibration errors lean
    (`difference`), and must not refute a claim that the numbers themselves bear out. Anything else is not shown.
    """
    sign = BETTER[metric]
    ends = (sign * found.low, sign * found.high)
    if min(ends) > 0 and all(sign * value > 0 for value in found.by_seed.values()):
        return Verdict.HOLDS
    if max(ends) < 0 and sign * found.mean < 0:
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
