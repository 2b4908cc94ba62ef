"""Curves: label-aware smoothing, images per class, and how a training went."""

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from longtail.evaluate.scores import FEW_BELOW, MANY_ABOVE
from longtail.report import style
from longtail.runtime.errors import InputError
from longtail.runtime.letters import room
from longtail.smoothing import FORMS, smoothing

_COLUMNS = ("epoch", "loss", "learning_rate", "test_top1")


def smoothing_curves(counts: Sequence[int], head: float, tail: float) -> Figure:
    """Smoothing factor ε_y against the class count N_y for the three forms, a dot for each of the K classes.

    Where every class has the same count the three fall on one point, ``head``, and the figure says so.
    Raises InputError as `smoothing`. Source: MiSLAS, slide 9.
    """
    with style.theme():
        figure = Figure(figsize=(4.4, 3.1), layout="constrained")
        ax = figure.subplots()
        colors = style.palette()
        for form, color, marker in zip(FORMS, (colors[5], colors[7], colors[3]), "os^", strict=True):
            factors = smoothing(counts, head, tail, form)
            # The form depends on the largest and smallest count only: a fine grid between them is its curve.
            grid = np.linspace(min(counts), max(counts), 301)
            curve = smoothing(grid, head, tail, form)
            ax.plot(grid, curve, color=color, linewidth=0.9)
            ax.plot(counts, factors, marker, color=color, markersize=2.8, label=form.capitalize())
        ax.set_xlabel("Training images of class y,  $N_y$", parse_math=True)
        ax.set_ylabel("Smoothing factor,  $\\epsilon_y$", parse_math=True)
        if min(counts) == max(counts):
            ax.set_title(f"every class has {counts[0]:,} images: every factor is {head:g}")
        ax.legend(loc="lower right")
    return figure


def class_counts(series: Mapping[str, Sequence[int]], title: str) -> Figure:
    """Training images per class, classes in the order given, one step line per label (an imbalance factor).

    Bands mark the Many, Medium and Few classes (LADC, table 7).
    Raises InputError for no series, and for a class without images.
    """
    if not series:
        raise InputError(f"the class counts {title!r} have no series; name at least one data set.")
    for label, counts in series.items():
        if min(counts, default=0) < 1:
            raise InputError(f"the counts of {label!r} need at least 1 image in every class; mend the subset.")
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
            if top > 1.2 * bottom:  # a thinner sliver holds no label
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


def training_curves(histories: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Training loss and test accuracy by epoch, one colour per run label; light lines where the rate dropped.

    Columns: epoch (from 1), loss, learning_rate, test_top1 (fraction; NaN where an epoch was not evaluated).
    Raises InputError for no run, and for a history that lacks a column or has no epoch.
    """
    if not histories:
        raise InputError(f"the training curves {title!r} have no run; name at least one.")
    for label, history in histories.items():
        missing = [column for column in _COLUMNS if column not in history]
        if missing or history.empty:
            raise InputError(
                f"the history of {label!r} lacks {', '.join(missing) or 'epochs'}; train that run again."
            )
    looks = style.looks(histories)
    labels = [style.fitted(label, 46) for label in histories]
    # About 110 characters fit across the legend.
    columns = max(1, min(4, 110 // (max(room(line) for label in labels for line in label.split("\n")) + 9)))
    with style.theme():
        rows = ceil((len(histories) + 1) / columns)
        more = sum(label.count("\n") for label in labels)
        figure = Figure(figsize=(6.8, 3.0 + 0.17 * rows + 0.13 * more), layout="constrained")
        figure.suptitle(style.broken(title, figure.get_figwidth()))
        loss_ax, accuracy_ax = figure.subplots(1, 2, sharex=True)
        handles = []
        for label, history in histories.items():
            color, _, dash = looks[label]
            evaluated = history.dropna(subset=["test_top1"])
            handles += loss_ax.plot(history["epoch"], history["loss"], dash, color=color, linewidth=1.1, label=label)
            accuracy_ax.plot(
                evaluated["epoch"],
                evaluated["test_top1"],
                dash,
                color=color,
                linewidth=1.1,
                label=label,
                # The dot marks the last epoch, the one reported, and shows a run evaluated only once.
                marker="o",
                markersize=4,
                markevery=slice(len(evaluated) - 1, None),
            )
        drops = sorted({epoch for history in histories.values() for epoch in _rate_drops(history)})
        for epoch in drops:
            for ax in (loss_ax, accuracy_ax):
                mark = ax.axvline(epoch, color="#b8b8b8", linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        loss_ax.set(xlabel="Epoch", ylabel="Training loss")
        accuracy_ax.set(xlabel="Epoch", ylabel="Test accuracy")
        loss_ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        accuracy_ax.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        if drops:
            handles, labels = [*handles, mark], [*labels, "Learning rate drops"]
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    return figure


def _rate_drops(history: pd.DataFrame) -> list[float]:
    """Epochs whose learning rate fell after it had held still: the steps of a step schedule, not a cosine."""
    rate = history["learning_rate"]
    held = np.isclose(rate.shift(1), rate.shift(2), rtol=1e-6, atol=0)
    return [float(epoch) for epoch in history["epoch"][held & (rate < rate.shift(1))]]
