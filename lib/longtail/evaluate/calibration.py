"""Reliability bins and the calibration errors read from them.

`confidence` [N] is the probability of the predicted class, `correct` [N] whether that class is the true one;
every error is a fraction in [0, 1].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from longtail.evaluate.scores import Floats, Integers
from longtail.runtime.errors import InputError

ROUNDING = 1e-6  # a float32 softmax may give 1.0000001


@dataclass(frozen=True)
class ReliabilityBins:
    """One reliability diagram: edges [B+1], count [B], accuracy [B], confidence [B]; NaN in an empty bin."""

    edges: Floats
    count: NDArray[np.intp]
    accuracy: Floats
    confidence: Floats

    @property
    def gap(self) -> Floats:
        """|accuracy − mean confidence| [B]; 0 in an empty bin, which adds nothing to any error."""
        return np.nan_to_num(np.abs(self.accuracy - self.confidence))


def bin_edges(bins: int) -> Floats:
    """The B + 1 edges of B equal-width bins over [0, 1]."""
    return np.linspace(0.0, 1.0, bins + 1)


def bin_index(probability: Floats, bins: int) -> NDArray[np.intp]:
    """Bin 0..B−1 of each probability [N] in [0, 1], bins (edge_b, edge_{b+1}] as in the MiSLAS code.

    Exactly 0, impossible for a predicted class but an everyday underflow for the others, goes into the first
    bin instead of into none.
    """
    right_closed: NDArray[np.intp] = np.searchsorted(bin_edges(bins), probability, side="left") - 1
    return np.maximum(right_closed, 0)


def reliability_bins(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> ReliabilityBins:
    """Count, accuracy and mean confidence in each of B equal-width, right-closed bins, in float64.

    Raises InputError, as every error below that reads confidences, on an empty set, unequal lengths, a
    confidence outside [0, 1] or fewer than one bin.
    """
    confidence, correct = _checked(confidence, correct, bins)
    index = bin_index(confidence, bins)
    count = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of an empty bin
        accuracy = np.bincount(index, weights=correct, minlength=bins) / count
        mean_confidence = np.bincount(index, weights=confidence, minlength=bins) / count
    return ReliabilityBins(bin_edges(bins), count, accuracy, mean_confidence)


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """ECE = Σ_b |B_b|/N · |acc(B_b) − conf(B_b)| (Guo et al. 2017, section 2; MiSLAS takes B = 15)."""
    diagram = reliability_bins(confidence, correct, bins)
    return float((diagram.count * diagram.gap).sum() / diagram.count.sum())


def maximum_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """MCE: the largest gap of any bin, however few images it holds (Guo et al. 2017, section 2)."""
    return float(reliability_bins(confidence, correct, bins).gap.max())


def signed_gap(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Mean confidence − accuracy: > 0 is over-confident, < 0 under-confident; |signed gap| ≤ ECE."""
    confidence, correct = _checked(confidence, correct, bins=1)
    return float(confidence.mean() - correct.mean())


def adaptive_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """ECE over B equal-mass bins of the predicted class (Nguyen & O'Connor 2015); N bins if N < B.

    Nixon et al. 2019 average the same quantity over all K classes; this one can be set beside the ECE.
    """
    confidence, correct = _checked(confidence, correct, bins)
    # Images of equal confidence share their mean correctness. A tie cut by a bin edge would otherwise make
    # the result depend on the order of the test set, and a saturated network has thousands of exact ones.
    _, tie = np.unique(confidence, return_inverse=True)
    expected_correct = (np.bincount(tie, weights=correct) / np.bincount(tie))[tie]
    gap = (expected_correct - confidence)[np.argsort(confidence)]
    parts = np.array_split(gap, min(bins, len(gap)))
    return float(sum(abs(part.sum()) for part in parts) / len(gap))


def classwise_calibration_error(probabilities: Floats, labels: Integers, bins: int = 15) -> float:
    """Mean over classes k of Σ_b |B_bk|/N · |freq_k(B_bk) − p_k(B_bk)| on [N, K] (Kull et al. 2019).

    Every image counts for every class, so with many classes most mass lies near 0 and the value is small.
    """
    total = 0.0
    for k, probability in enumerate(probabilities.T):
        gap = (labels == k) - probability
        total += np.abs(np.bincount(bin_index(probability, bins), weights=gap)).sum()
    return float(total / probabilities.size)


def _checked(confidence: ArrayLike, correct: ArrayLike, bins: int) -> tuple[Floats, Floats]:
    """Both as float64 [N], the confidence without float32's overshoot above 1."""
    confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if confidence.ndim != 1 or confidence.shape != correct.shape or confidence.size == 0:
        raise InputError(
            f"confidence has shape {confidence.shape} and correct {correct.shape}: "
            "pass one entry of each per test image, and at least one image."
        )
    if not (confidence.min() >= 0.0 and confidence.max() <= 1.0 + ROUNDING):  # a NaN fails both
        raise InputError("confidence leaves [0, 1]: pass softmax probabilities, not logits or percent.")
    if bins < 1:
        raise InputError(f"bins is {bins}, but confidences need at least 1 bin: set bins to 15.")
    return np.minimum(confidence, 1.0), correct
