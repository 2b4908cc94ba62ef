"""Scores of several seeds as one, for figures that show a method rather than a run."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from longtail.report import origin


def pool(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means of top1, ece and signed_gap, their sample standard deviations (`*_sd`, None for one run) and `n`.

    The bins hold the images of all runs together, so each bar is the runs' common accuracy and confidence; the
    ECE is the mean of the runs' ECEs, not that of the pooled bins.
    """
    pooled: dict[str, Any] = {"n": len(scores)}
    for key in ("top1", "ece", "signed_gap"):
        values = [score[key] for score in scores]
        pooled[key] = fmean(values)
        pooled[f"{key}_sd"] = stdev(values) if len(values) > 1 else None
    bins = [score["bins"] for score in scores]
    counts = [list(column) for column in zip(*(b["count"] for b in bins), strict=True)]
    pooled["bins"] = {"edges": bins[0]["edges"], "count": [sum(column) for column in counts]}
    for key in ("accuracy", "confidence"):
        columns = zip(*(b[key] for b in bins), strict=True)
        pooled["bins"][key] = [_weighted(values, weights) for values, weights in zip(columns, counts, strict=True)]
    return pooled


def pooled_panels(
    figure: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, dict[str, Any], dict[str, float]]]:
    """Label (with the dagger of its method), pooled score of the last epoch and printed numbers of each panel.

    Panels without runs are left out.

    `figure` is what `graph.layouts.comparison` lays out; `metrics` holds metrics.json by run path.
    """
    return [
        (
            panel["label"] + (origin.DAGGER if panel["calibration"] else ""),
            pool([_binned(metrics[run]["last"], figure["bins"]) for run in panel["runs"]]),
            panel["printed"],
        )
        for panel in figure["panels"]
        if panel["runs"]
    ]


def daggers(figure: Mapping[str, Any]) -> list[str]:
    """What the daggers of `pooled_panels` say."""
    return origin.explained(
        (panel["label"], panel["calibration"]) for panel in figure["panels"] if panel["runs"] and panel["calibration"]
    )


def _binned(score: Mapping[str, Any], bins: int | None) -> Mapping[str, Any]:
    """A score with ECE and bins of another number of bins (None, its own)."""
    return {**score, **score["diagrams"][str(bins)]} if bins else score


def _weighted(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    total = sum(weights)
    if total == 0:
        return None
    return sum((value or 0.0) * weight for value, weight in zip(values, weights, strict=True)) / total
