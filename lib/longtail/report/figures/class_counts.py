"""Training examples per class of a data set, at every imbalance that is used."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from longtail.evaluate.scores import FEW_BELOW, MANY_ABOVE
from longtail.report import style
from longtail.report.subjects import Dataset
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.runtime.letters import room

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWS = "dataset"
CATEGORY = "Data"
MESSAGE = "Class counts of {dataset}"
CAPTION = (
    "Training examples of each class at every imbalance that is used. The classes are sorted by the most imbalanced "
    "subset."
)
# With more classes the names do not fit below the axis.
NAMED = 100


def inputs(subject: Dataset) -> dict[str, Any]:
    """The subsets, and the names of the classes."""
    return {"subsets": list(subject.subsets.values()), "classes": subject.classes}


def layout(subject: Dataset) -> dict[str, Any]:
    """The title, the labels of the subsets, and what is counted."""
    title = f"Training {subject.examples} per class: {subject.title}"
    return {"title": title, "series": list(subject.subsets), "examples": subject.examples}


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """The class counts of all subsets."""
    counts = [files.read_json(path)["counts"] for path in paths["subsets"]]
    names = files.read_json(paths["classes"], "names")["names"]
    return class_counts(dict(zip(layout["series"], counts, strict=True)), names, layout["title"], layout["examples"])


def class_counts(
    series: Mapping[str, Sequence[int]], names: Sequence[str], title: str, examples: str = "images"
) -> "Figure":
    """Training examples per class, one step line per label (an imbalance factor), least imbalanced first.

    Classes are sorted by the last series, the largest first, and named if there are at most 100. `series` and `names`
    are in the order of the data set. Bands mark the Many, Medium and Few classes (LADC, table 7).
    Raises InputError for no series, and for a class without examples.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if not series:
        raise InputError(f"the class counts {title!r} have no series; name at least one data set.")
    for label, counts in series.items():
        if min(counts, default=0) < 1:
            raise InputError(
                f"the counts of {label!r} need at least 1 of the {examples} in every class; correct the subset."
            )
    everything = [count for counts in series.values() for count in counts]
    low, high = 0.75 * min(everything), 1.4 * max(everything)
    order = np.argsort(-np.array(list(series.values())[-1]), kind="stable")
    sorted_names = style.shortened([names[number] for number in order], 30) if len(order) <= NAMED else []
    longest = max(map(room, sorted_names), default=0)
    width = 6.0 if len(order) <= 25 or not sorted_names else 1.9 + 0.115 * len(order)
    upright = longest * 0.065 > (width - 1.9) / len(order)
    with style.theme():
        columns = min(3, len(series))
        foot = 0.1 + 0.17 * ceil(len(series) / columns)
        height = 3.3 + 0.06 * longest * upright + foot
        engine = ConstrainedLayoutEngine(rect=(0, foot / height, 1, 1 - foot / height))
        figure = Figure(figsize=(width, height), layout=engine)
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
            text = f"{label}  ({sum(counts):,} {examples})"
            lines.append(
                ax.stairs(np.array(counts)[order], edges, baseline=None, color=color, linewidth=1.4, label=text)
            )
        ax.set(yscale="log", ylim=(low, high), xlim=(0.5, max(map(len, series.values())) + 0.5))
        ax.set(ylabel=f"Training {examples} (log scale)")
        if sorted_names:
            size = 7.5 if len(order) <= 25 else 6.0
            places = np.arange(1, len(order) + 1)
            ax.set_xticks(places, sorted_names, rotation=90 if upright else 0, fontsize=size)
            ax.tick_params(axis="x", length=0)
            ax.grid(axis="x", visible=False)
        else:
            ax.set_xlabel("Classes, the largest first")
            ax.xaxis.set_major_locator(MaxNLocator(nbins=11, integer=True, min_n_ticks=3))
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=30))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        ax.yaxis.set_minor_locator(NullLocator())
        # Anchored in figure coordinates: a figure that grows by a footnote leaves it in place.
        figure.legend(handles=lines, loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=columns, borderaxespad=0.3)
    return figure
