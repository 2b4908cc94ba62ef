"""Training images per class of a data set, at every imbalance that is used."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from longtail.evaluate.scores import FEW_BELOW, MANY_ABOVE
from longtail.report import style
from longtail.report.subjects import Dataset
from longtail.runtime import files
from longtail.runtime.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWS = "dataset"
NAME = "class counts"
CATEGORY = "Data"
MESSAGE = "Class counts of {dataset}"
CAPTION = "Training images of each class of {dataset} at every imbalance used."


def inputs(subject: Dataset) -> dict[str, Any]:
    """The subsets."""
    return {"subsets": list(subject.subsets.values())}


def layout(subject: Dataset) -> dict[str, Any]:
    """The title, and the labels of the subsets."""
    return {"title": subject.title, "series": list(subject.subsets)}


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """The class counts of all subsets."""
    counts = [files.read_json(path)["counts"] for path in paths["subsets"]]
    series = dict(zip(layout["series"], counts, strict=True))
    return class_counts(series, f"Training images per class: {layout['title']}")


def class_counts(series: Mapping[str, Sequence[int]], title: str) -> "Figure":
    """Training images per class, in the order of the counts, one step line per label (an imbalance factor).

    Bands mark the Many, Medium and Few classes (LADC, table 7).
    Raises InputError for no series, and for a class without images.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if not series:
        raise InputError(f"the class counts {title!r} have no series; name at least one data set.")
    for label, counts in series.items():
        if min(counts, default=0) < 1:
            raise InputError(f"the counts of {label!r} need at least 1 image in every class; correct the subset.")
    everything = [count for counts in series.values() for count in counts]
    low, high = 0.75 * min(everything), 1.4 * max(everything)
    with style.theme():
        figure = Figure(figsize=(6.0, 3.3), layout="constrained")
        figure.suptitle(style.broken(title, figure.get_figwidth()))
        ax = figure.subplots()
        bands = (
            (f"Many (> {MANY_ABOVE})", MANY_ABOVE, high, "#f3f7fb"),
            (f"Medium ({FEW_BELOW}–{MANY_ABOVE})", FEW_BELOW, MANY_ABOVE, "#e6eef6"),
            (f"Few (< {FEW_BELOW})", low, FEW_BELOW, "#d6e3f0"),
        )
        for name, above, below, color in bands:
            bottom, top = max(above, low), min(below, high)
            if top > 1.2 * bottom:  # a thinner band has no room for a label
                ax.axhspan(bottom, top, color=color, linewidth=0, zorder=0, label=name)
                middle = np.sqrt(bottom * top)
                ax.text(1.015, middle, name, va="center", color=style.FAINT, transform=ax.get_yaxis_transform())
        lines = []
        for (label, counts), color in zip(series.items(), style.shades(len(series)), strict=True):
            edges = np.arange(len(counts) + 1) + 0.5
            text = f"{label}  ({sum(counts):,} images)"
            lines.append(ax.stairs(counts, edges, baseline=None, color=color, linewidth=1.4, label=text))
        ax.set(yscale="log", ylim=(low, high), xlim=(0.5, max(map(len, series.values())) + 0.5))
        ax.set(xlabel="Class, in data set order", ylabel="Training images (log scale)")
        ax.xaxis.set_major_locator(MaxNLocator(nbins=11, integer=True, min_n_ticks=3))
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=30))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.legend(handles=lines, loc="upper right")
    return figure
