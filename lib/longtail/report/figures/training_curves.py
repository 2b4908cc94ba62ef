"""How the Stage 1s of a setting trained: test accuracy and loss by epoch, one panel for each method."""

from collections.abc import Mapping, Sequence
from math import ceil
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from longtail import results
from longtail.evaluate.columns import METRICS
from longtail.report import style
from longtail.report.subjects import Setting
from longtail.runtime.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWS = "setting"
CATEGORY = "Training"
MESSAGE = "Training curves of {dataset} {imbalance}, {backbone}"
CAPTION = (
    "Stage 1 of every method: test accuracy, and training loss below it. The grey lines are the test accuracies of "
    "the other methods. Methods of one loss stand together and share its axis; other losses have other scales. The "
    "loss of a mixed batch is that of its mixed labels."
)

_COLUMNS = ("epoch", "loss", "learning_rate", "test_top1")
_OTHERS: dict[str, Any] = {"color": "#d4d4d4", "linewidth": 0.7, "zorder": 1}
_DROP: dict[str, Any] = {"color": "#b8b8b8", "linewidth": 0.8, "linestyle": (0, (2, 2)), "zorder": 1.5}
_TOP1 = METRICS["top1"]


class Curves(NamedTuple):
    """The Stage 1s of a method: its label, its loss in words, and a history for each seed.

    Columns of a history: epoch (from 1), loss, learning_rate, test_top1 (a fraction; NaN for an epoch that was not
    evaluated).
    """

    method: str
    loss: str
    histories: "Sequence[pd.DataFrame]"


def inputs(subject: Setting) -> dict[str, Any]:
    """The histories of all Stage 1s."""
    return {"histories": [stage1.history for stage1 in subject.stage1s]}


def layout(subject: Setting) -> dict[str, Any]:
    """The title, and the label and loss of each method with its histories."""
    methods: dict[tuple[str, str], list[str]] = {}
    for stage1 in subject.stage1s:
        methods.setdefault((stage1.method, stage1.loss), []).append(stage1.history)
    return {
        "title": f"Training of Stage 1 on {subject.setting}, {subject.backbone}",
        "methods": [
            {"label": label, "loss": loss, "histories": histories} for (label, loss), histories in methods.items()
        ],
    }


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """The curves of all Stage 1s."""
    import pandas as pd

    histories = {results.name(path): pd.read_csv(path) for path in paths["histories"]}
    methods = [
        Curves(method["label"], method["loss"], [histories[path] for path in method["histories"]])
        for method in layout["methods"]
    ]
    return training_curves(methods, layout["title"])


def training_curves(methods: Sequence[Curves], title: str) -> "Figure":
    """A panel for each method: test accuracy by epoch, with that of all others in grey, and below it the loss.

    Methods of one loss stand together, the most accurate first, and share the axis of the loss. Dashed lines mark
    drops of the learning rate. Raises InputError for no run, and for a history that lacks a column or has no epoch.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    if not methods:
        raise InputError(f"the training curves {title!r} have no run; name at least one.")
    for method in methods:
        for history in method.histories:
            missing = [column for column in _COLUMNS if column not in history]
            if missing or history.empty:
                raise InputError(
                    f"the history of {method.method!r} lacks {', '.join(missing) or 'epochs'}; train that run again."
                )
    methods = _by_loss(methods)
    columns = len(methods) if len(methods) <= 4 else 4 if len(methods) <= 12 else 6
    rows = ceil(len(methods) / columns)
    side = 1.9 if columns <= 4 else 1.5
    width, foot = max(0.5 + (side + 0.2) * columns, 3.4), 0.3
    heading = style.broken(title, width)
    names = [f"{style.fitted(method.method, 13 * side)}\n{_last(method)}" for method in methods]
    lines = 1 + max(name.count("\n") for name in names)
    height = 0.3 + 0.17 * (1 + heading.count("\n")) + (1.05 * side + 0.35 + 0.15 * lines) * rows + foot
    engine = ConstrainedLayoutEngine(rect=(0, foot / height, 1, 1 - foot / height))
    looks = style.looks(method.method for method in methods)
    with style.theme():
        figure = Figure(figsize=(width, height), layout=engine)
        figure.suptitle(heading)
        grid = figure.add_gridspec(2 * rows, columns, height_ratios=(2, 1) * rows)
        first: Axes | None = None
        first_of: dict[str, Axes] = {}
        for place, (method, name) in enumerate(zip(methods, names, strict=True)):
            row, column = divmod(place, columns)
            accuracy = figure.add_subplot(grid[2 * row, column], sharex=first, sharey=first)
            first = first or accuracy
            loss = figure.add_subplot(grid[2 * row + 1, column], sharex=first, sharey=first_of.get(method.loss))
            first_of.setdefault(method.loss, loss)
            for other in methods:
                if other is not method:
                    _draw_accuracy(accuracy, other, _OTHERS)
            look: dict[str, Any] = {"color": looks[method.method].color, "linewidth": 1.1}
            _draw_accuracy(accuracy, method, look | {"marker": "o", "markersize": 3.5, "label": method.method})
            for history in method.histories:
                loss.plot(history["epoch"], history["loss"], label=method.method, **look)
                for epoch in _rate_drops(history):
                    for ax in (accuracy, loss):
                        ax.axvline(epoch, label="drop", **_DROP)
            accuracy.set_title(name)
            accuracy.tick_params(labelleft=column == 0, labelbottom=False)
            loss.tick_params(axis="y", labelsize="x-small")
            loss.text(
                0.97, 0.93, method.loss, ha="right", va="top", fontsize=6, color=style.FAINT, transform=loss.transAxes
            )
            loss.yaxis.set_major_locator(MaxNLocator(nbins=2, min_n_ticks=2))
            loss.tick_params(labelbottom=place + columns >= len(methods))
            if place + columns >= len(methods):
                loss.set_xlabel("Epoch")
            if column == 0:
                accuracy.set_ylabel("Test accuracy")
                loss.set_ylabel("Loss")
        assert first is not None
        first.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        first.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        figure.align_ylabels()
        # Anchored in figure coordinates: a figure that grows by a footnote leaves it in place.
        figure.legend(
            handles=_key(methods), loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=3, borderaxespad=0.3
        )
    return figure


def _by_loss(methods: Sequence[Curves]) -> list[Curves]:
    """The methods of the most frequent loss first, and of one loss the most accurate first."""
    number: dict[str, int] = {}
    for method in methods:
        number[method.loss] = number.get(method.loss, 0) + 1

    def key(method: Curves) -> tuple[int, str, float, str]:
        values = _last_values(method)
        return -number[method.loss], method.loss, -fmean(values) if values else 0.0, method.method

    return sorted(methods, key=key)


def _last_values(method: Curves) -> list[float]:
    """The test accuracy of each seed in the last epoch, if that was evaluated."""
    values = [float(history["test_top1"].iloc[-1]) for history in method.histories]
    return [value for value in values if np.isfinite(value)]


def _last(method: Curves) -> str:
    """The test accuracy in the last epoch, as mean ± standard deviation over the seeds."""
    values = [_TOP1.in_unit(value) for value in _last_values(method)]
    if not values:
        return "not evaluated"
    spread = f" ± {_TOP1.text(stdev(values))}" if len(values) > 1 else ""
    return f"{_TOP1.text(fmean(values))}{spread} {_TOP1.unit}"


def _draw_accuracy(ax: "Axes", method: Curves, look: Mapping[str, Any]) -> None:
    """The test accuracy of each seed. A marker stands in the last epoch, which is the one reported."""
    for history in method.histories:
        evaluated = history.dropna(subset=["test_top1"])
        ax.plot(evaluated["epoch"], evaluated["test_top1"], markevery=slice(len(evaluated) - 1, None), **look)


def _key(methods: Sequence[Curves]) -> "list[Artist]":
    from matplotlib.lines import Line2D

    seeds = max(len(method.histories) for method in methods)
    text = "A seed of the method" if seeds > 1 else "The method"
    key: list[Artist] = [Line2D([], [], color=style.INK, linewidth=1.1, marker="o", markersize=3.5, label=text)]
    if len(methods) > 1:
        key.append(Line2D([], [], label="Other methods", **_OTHERS))
    if any(_rate_drops(history) for method in methods for history in method.histories):
        key.append(Line2D([], [], label="Learning rate drops", **_DROP))
    return key


def _rate_drops(history: "pd.DataFrame") -> list[float]:
    """Epochs whose learning rate fell after it had been constant: the drops of a step schedule, not a cosine."""
    rate = history["learning_rate"]
    was_constant = np.isclose(rate.shift(1), rate.shift(2), rtol=1e-6, atol=0)
    return [float(epoch) for epoch in history["epoch"][was_constant & (rate < rate.shift(1))]]
