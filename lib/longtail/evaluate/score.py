"""The one call of the evaluate stage: test logits in, the content of metrics.json out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from longtail.evaluate import calibration, scores
from longtail.evaluate.bootstrap import percentile_intervals
from longtail.evaluate.calibration import ReliabilityBins
from longtail.evaluate.columns import METRICS
from longtail.evaluate.predictions import Predictions, checked
from longtail.evaluate.scores import Floats


def score(
    logits: ArrayLike,
    labels: ArrayLike,
    train_counts: ArrayLike,
    bins: int = 15,
    resamples: int = 1000,
    seed: int = 0,
    also: Sequence[int] = (),
) -> dict[str, Any]:
    """Every metric, 95 % intervals and reliability bins of logits [N, K], labels [N], train images per class [K].

    Returns plain Python numbers, lists and None (a class without test images, an empty group, an empty bin),
    ready for JSON; rates are fractions in [0, 1], nll is in nats, brier lies in [0, 2]. `seed` moves the
    intervals only. `also` are further numbers of bins, whose ECE and bins stand under `diagrams` by number.
    Raises InputError on non-finite logits, shapes that do not fit, labels outside 0..K−1 or an empty test set.
    """
    predictions = checked(logits, labels, bins, train_counts)
    values = _values(predictions)
    confidence, correct = predictions.confidence, predictions.correct
    return {
        **values,
        "n_test": len(predictions.labels),
        "over_confident": values["signed_gap"] > 0,
        "group_sizes": {
            name: int(group.sum()) for name, group in scores.shot_groups(predictions.class_sizes).items()
        },
        "per_class": _with_none(predictions.per_class),
        "bins": _plain(predictions.diagram),
        "diagrams": {
            str(number): {
                "ece": calibration.expected_calibration_error(confidence, correct, number),
                "bins": _plain(calibration.reliability_bins(confidence, correct, number)),
            }
            for number in also
        },
        "interval": percentile_intervals(
            confidence, correct, predictions.nll, predictions.brier, bins, resamples, seed
        ),
        "resamples": resamples,
    }


def _values(predictions: Predictions) -> dict[str, Any]:
    """Every metric by its name, below the key that its entry names."""
    values: dict[str, Any] = {}
    for metric in METRICS.values():
        holder = values.setdefault(metric.under, {}) if metric.under else values
        holder[metric.name] = metric.value(predictions)
    return values


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
