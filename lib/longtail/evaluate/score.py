"""The one call of the evaluate stage: test logits in, the content of metrics.json out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from longtail.evaluate import calibration, scores
from longtail.evaluate.bootstrap import percentile_intervals
from longtail.evaluate.calibration import ReliabilityBins
from longtail.evaluate.scores import Floats, Integers, Logits
from longtail.runtime.errors import InputError


def score(
    logits: ArrayLike,
    labels: ArrayLike,
    train_counts: ArrayLike,
    bins: int = 15,
    resamples: int = 1000,
    seed: int = 0,
    also: Sequence[int] = (),
) -> dict[str, Any]:
    """Accuracy, calibration and 95 % intervals of logits [N, K], labels [N], train images per class [K].

    Returns plain Python numbers, lists and None (a class without test images, an empty group, an empty bin),
    ready for JSON; rates are fractions in [0, 1], nll is in nats, brier lies in [0, 2]. `seed` moves the
    intervals only. `also` are further numbers of bins, whose ECE and bins stand under `diagrams` by number.
    Raises InputError on non-finite logits, shapes that do not fit, labels outside 0..K−1 or an empty test set.
    """
    logits, labels, train_counts = _checked(logits, labels, train_counts)
    probabilities = scores.softmax(logits)
    confidence = probabilities.max(axis=1)
    correct = scores.correct_per_image(logits, labels)
    nll = scores.nll_per_image(logits, labels)
    brier = scores.brier_per_image(probabilities, labels)
    per_class = scores.per_class_accuracy(logits, labels)
    diagram = calibration.reliability_bins(confidence, correct, bins)
    gap = calibration.signed_gap(confidence, correct)
    return {
        "n_test": len(labels),
        "top1": float(correct.mean()),
        "ece": calibration.expected_calibration_error(confidence, correct, bins),
        "signed_gap": gap,
        "over_confident": gap > 0,
        "mce": calibration.maximum_calibration_error(confidence, correct, bins),
        "ace": calibration.adaptive_calibration_error(confidence, correct, bins),
        "cwece": calibration.classwise_calibration_error(probabilities, labels, bins),
        "nll": float(nll.mean()),
        "brier": float(brier.mean()),
        "groups": scores.group_accuracy(per_class, train_counts),
        "group_sizes": {name: int(group.sum()) for name, group in scores.shot_groups(train_counts).items()},
        "per_class": _with_none(per_class),
        "bins": _plain(diagram),
        "diagrams": {
            str(number): {
                "ece": calibration.expected_calibration_error(confidence, correct, number),
                "bins": _plain(calibration.reliability_bins(confidence, correct, number)),
            }
            for number in also
        },
        "interval": percentile_intervals(confidence, correct, nll, brier, bins, resamples, seed),
        "resamples": resamples,
    }


def _plain(diagram: ReliabilityBins) -> dict[str, Any]:
    return {
        "edges": diagram.edges.tolist(),
        "count": diagram.count.tolist(),
        "accuracy": _with_none(diagram.accuracy),
        "confidence": _with_none(diagram.confidence),
    }


def _with_none(values: Floats) -> list[float | None]:
    """JSON has no NaN."""
    return [None if np.isnan(value) else float(value) for value in values]


def checked(logits: ArrayLike, labels: ArrayLike) -> tuple[Logits, Integers]:
    """Logits [N, K] and labels [N] as arrays.

    Raises InputError on non-finite logits, shapes that do not fit, labels outside 0..K−1 or an empty test set.
    """
    logits, labels = np.asarray(logits), np.asarray(labels)
    if logits.ndim != 2 or logits.shape[1] < 1:
        raise InputError(f"logits has shape {logits.shape}, but must be [test images, classes].")
    n, num_classes = logits.shape
    if n == 0:
        raise InputError("logits and labels hold no test image: check that the test split is not empty.")
    if labels.shape != (n,):
        raise InputError(f"labels has shape {labels.shape}, but logits of {n} images need labels of shape ({n},).")
    _check_integers("labels", labels)
    if labels.min() < 0 or labels.max() >= num_classes:
        raise InputError(
            f"labels run from {labels.min()} to {labels.max()}, but logits of {num_classes} classes "
            f"allow 0..{num_classes - 1}: logits and labels come from different data sets."
        )
    broken = np.count_nonzero(~np.isfinite(logits).all(axis=1))
    if broken:
        raise InputError(f"logits of {broken} of {n} images are not finite: the run diverged, so train it again.")
    return logits, labels


def _checked(logits: ArrayLike, labels: ArrayLike, train_counts: ArrayLike) -> tuple[Logits, Integers, Integers]:
    logits, labels = checked(logits, labels)
    train_counts, num_classes = np.asarray(train_counts), logits.shape[1]
    if train_counts.shape != (num_classes,):
        raise InputError(
            f"train_counts has shape {train_counts.shape}, but logits have {num_classes} classes: "
            "give one train count per class."
        )
    _check_integers("train_counts", train_counts)
    return logits, labels, train_counts


def _check_integers(name: str, array: NDArray[Any]) -> None:
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"{name} must be integers, not {array.dtype}: cast it where it is written.")
