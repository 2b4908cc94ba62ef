"""Reliability diagrams: the accuracy of a network against its confidence.

A score is a part of metrics.json: top1, ece and signed_gap (mean confidence - accuracy) as fractions, and
``bins`` with edges [B+1], count [B], accuracy [B] and confidence [B] (None in an empty bin).
"""

from collections.abc import Mapping, Sequence
from math import ceil
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from longtail.evaluate.columns import METRICS, Metric
from longtail.report import style
from longtail.runtime.errors import InputError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Score = Mapping[str, Any]
Floats = npt.NDArray[np.float64]

_ACCURACY: dict[str, Any] = {"facecolor": "#a6cee3", "edgecolor": "white", "linewidth": 0.4}
_OVER: dict[str, Any] = {"facecolor": "#f0a875", "edgecolor": "#b5500c", "linewidth": 0.4, "hatch": "////"}
_UNDER: dict[str, Any] = {"facecolor": "#b79bd0", "edgecolor": "#6a3d9a", "linewidth": 0.4, "hatch": r"\\\\"}
_SHARE: dict[str, Any] = {"facecolor": "#b5b5b5", "edgecolor": "white", "linewidth": 0.4}
DIAGONAL: dict[str, Any] = {"color": style.INK, "linestyle": (0, (4, 2.5)), "linewidth": 0.9}
_SCORE_KEYS, _BIN_KEYS = ("top1", "ece", "signed_gap"), ("edges", "count", "accuracy", "confidence")
TOP1, ECE = METRICS["top1"], METRICS["ece"]
_NUMBERS_ABOVE = 26.0  # points between the axes and the title, for two lines of numbers
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Bins(NamedTuple):
    """The bins that hold images: centre, width, share of all images, accuracy, mean confidence, each [filled]."""

    centre: Floats
    width: Floats
    share: Floats
    accuracy: Floats
    confidence: Floats


def filled_bins(score: Score, title: str) -> Bins:
    """The bins that hold images; raises InputError if the score lacks a key or its bins have different lengths."""
    bins = score.get("bins", {})
    missing = [key for key in _SCORE_KEYS if key not in score] + [key for key in _BIN_KEYS if key not in bins]
    if missing:
        raise InputError(f"the score of {title!r} lacks {', '.join(missing)}; evaluate that run again.")
    edges, count, accuracy, confidence = (np.array(bins[key], dtype=np.float64) for key in _BIN_KEYS)
    filled = count > 0
    fits = len(edges) == len(count) + 1 and len(count) == len(accuracy) == len(confidence)
    if not fits or not filled.any() or not np.isfinite([accuracy[filled], confidence[filled]]).all():
        raise InputError(
            f"the bins of {title!r} must be edges [B+1] and count, accuracy, confidence [B], with a number "
            "in every filled bin and at least one image; evaluate that run again."
        )
    centre, width = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    return Bins(*(column[filled] for column in (centre, width, count / count.sum(), accuracy, confidence)))


def pool(scores: Sequence[Score]) -> dict[str, Any]:
    """Means of top1, ece and signed_gap, their sample standard deviations (`*_sd`, None for one run) and `n`.

    The bins hold the images of all runs together, so each bar is the runs' common accuracy and confidence; the
    ECE is the mean of the runs' ECEs, not that of the pooled bins.
    """
    pooled: dict[str, Any] = {"n": len(scores)}
    for key in _SCORE_KEYS:
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


def _weighted(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    total = sum(weights)
    if total == 0:
        return None
    return sum((value or 0.0) * weight for value, weight in zip(values, weights, strict=True)) / total


def direction(score: Score) -> str:
    """Whether the network is over- or under-confident."""
    return "over" if score["signed_gap"] > 0 else "under" if score["signed_gap"] < 0 else ""


def _mean(score: Score, metric: Metric) -> str:
    """A metric with label and unit, and ± its standard deviation if the score has one (`pool`)."""
    spread = score.get(f"{metric.name}_sd")
    deviation = f" ± {metric.text(metric.in_unit(spread))}" if spread is not None else ""
    return f"{metric.label} {value(score, metric)}{deviation} {metric.unit}"


def value(score: Score, metric: Metric) -> str:
    """A metric without its unit."""
    return metric.text(metric.in_unit(score[metric.name]))


def draw_panel(ax: "Axes", score: Score, title: str) -> "Axes":
    """Draw one reliability diagram into ``ax`` (inside ``style.theme()``); return the strip below it.

    Bars at the bin centres show the accuracy, and over it |accuracy - confidence| upwards from the smaller of both,
    coloured by its sign. The strip shows each bin's share of the test images. Empty bins have no bar. Accuracy and
    ECE stand between the title and the axes.
    Raises InputError if the score lacks a key or its bins have different lengths.
    Source: MiSLAS, slides 3 and 13.
    """
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    bins = filled_bins(score, title)
    gap = bins.confidence - bins.accuracy
    ax.bar(bins.centre, bins.accuracy, bins.width, label="accuracy", **_ACCURACY)
    for label, sign, look in (("over", 1, _OVER), ("under", -1, _UNDER)):
        at = sign * gap > 0
        bottom = np.minimum(bins.accuracy, bins.confidence)[at]
        ax.bar(bins.centre[at], np.abs(gap[at]), bins.width[at], bottom=bottom, label=label, **look)
    ax.plot([0, 1], [0, 1], **DIAGONAL)
    ax.set(xlim=(0, 1), ylim=(0, 1), xticks=TICKS, yticks=TICKS, box_aspect=1)
    ax.set_title(title, pad=_NUMBERS_ABOVE)
    ax.set_ylabel("Accuracy")
    ax.tick_params(labelbottom=False)
    ax.annotate(
        f"{_mean(score, TOP1)}\n{_mean(score, ECE)} {direction(score)}".rstrip(),
        (0.5, 1),
        (0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=7,
        linespacing=1.3,
    )

    strip = ax.inset_axes((0, -0.24, 1, 0.17), sharex=ax)
    strip.bar(bins.centre, bins.share, bins.width, label="share", **_SHARE)
    strip.set_xlabel("Confidence")
    strip.set_ylabel("Share", fontsize="small")
    strip.yaxis.set_major_locator(MaxNLocator(nbins=2, steps=[1, 2, 5, 10], min_n_ticks=2))
    strip.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    strip.tick_params(axis="y", labelsize="x-small")
    return strip


def _key() -> list["Artist"]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(label="Accuracy", **_ACCURACY),
        Patch(label="Gap, over-confident", **_OVER),
        Patch(label="Gap, under-confident", **_UNDER),
        Line2D([], [], label="Perfect calibration", **DIAGONAL),
        Patch(label="Share in bin", **_SHARE),
    ]


def side_by_side(panels: Sequence[tuple[str, Score]], title: str) -> "Figure":
    """Reliability diagrams side by side, on shared axes; raises as `draw_panel`.

    ``panels`` holds (panel title, score) in reading order: at most four in a row, or six smaller ones if there are
    more than twelve. Source: MiSLAS, slides 3 and 13.
    """
    from matplotlib.figure import Figure

    if not panels:
        raise InputError(f"the comparison {title!r} has no panel; name at least one run.")
    many = len(panels) > 12
    rows = ceil(len(panels) / (6 if many else 4))
    columns = ceil(len(panels) / rows)
    key_columns = 5 if columns > 2 else 2

    # All lengths in inches: matplotlib's automatic layouts cannot place square panels with a strip below each.
    side = 1.45 if many else 1.95 if columns > 1 else 2.9
    width = 0.62 + side * columns + 0.25 * (columns - 1)
    heading, names = style.broken(title, width), [style.fitted(name, 13.5 * side) for name, _ in panels]
    head = 0.12 + 0.17 * (1 + heading.count("\n")) if heading else 0.03
    above = 0.14 + _NUMBERS_ABOVE / 72 + 0.15 * (1 + max(name.count("\n") for name in names))
    below = 0.24 * side + 0.45
    foot = 0.08 + 0.17 * ceil(5 / key_columns)
    height = head + (above + side + below) * rows + foot
    margins = {
        "left": 0.5 / width,
        "right": 1 - 0.12 / width,
        "bottom": (foot + below) / height,
        "top": 1 - (head + above) / height,
        "wspace": 0.25 / side,
        "hspace": (above + below) / side,
    }

    with style.theme():
        figure = Figure(figsize=(width, height))
        figure.suptitle(heading, y=1 - 0.07 / height)
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True, gridspec_kw=margins).ravel()
        strips = [draw_panel(ax, score, name) for ax, name, (_, score) in zip(grid, names, panels, strict=False)]
        tallest = max(strip.get_ylim()[1] for strip in strips)
        for place, strip in enumerate(strips):
            strip.set_ylim(0, tallest)
            for ax in (grid[place], strip):
                ax.yaxis.set_label_coords(-0.34 / side, 0.5)  # both labels at the same distance
                if place % columns:
                    ax.set_ylabel("")
                    ax.tick_params(labelleft=False)
            if place + columns < len(panels):
                strip.set_xlabel("")
        for ax in grid[len(panels) :]:
            ax.remove()
        # Anchored in figure coordinates: a figure that grows by a footnote leaves it in place.
        figure.legend(
            handles=_key(), loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=key_columns, borderaxespad=0.3
        )
    return figure
