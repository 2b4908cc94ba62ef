"""How the Stage 1s of a setting trained: loss and test accuracy by epoch."""

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from longtail.report import style
from longtail.report.subjects import Setting
from longtail.runtime.errors import InputError
from longtail.runtime.letters import room

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SHOWS = "setting"
NAME = "training curves"
CATEGORY = "Training"
MESSAGE = "Training curves of {dataset} {imbalance}, {backbone}"
CAPTION = (
    "Stage-1 training loss and test accuracy of every {backbone} on {dataset} ({imbalance}). "
    "The loss of a mixed batch is that of its mixed labels."
)

_COLUMNS = ("epoch", "loss", "learning_rate", "test_top1")


def inputs(subject: Setting) -> dict[str, Any]:
    """The histories of all Stage 1s."""
    return {"histories": [stage1.history for stage1 in subject.stage1s]}


def layout(subject: Setting) -> dict[str, Any]:
    """The title, and the labels of the Stage 1s."""
    series = [f"{stage1.method}, seed {stage1.seed}" for stage1 in subject.stage1s]
    return {"title": f"{subject.backbone} on {subject.setting}, Stage 1", "series": series}


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """The curves of all Stage 1s."""
    import pandas as pd

    histories = map(pd.read_csv, paths["histories"])
    return training_curves(dict(zip(layout["series"], histories, strict=True)), layout["title"])


def training_curves(histories: Mapping[str, "pd.DataFrame"], title: str) -> "Figure":
    """Training loss and test accuracy by epoch, one colour per run; light lines mark drops of the learning rate.

    Columns: epoch (from 1), loss, learning_rate, test_top1 (fraction; NaN for an epoch that was not evaluated).
    Raises InputError for no run, and for a history that lacks a column or has no epoch.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

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
                # The dot marks the last epoch, which is reported, and makes a run visible that was evaluated once.
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


def _rate_drops(history: "pd.DataFrame") -> list[float]:
    """Epochs whose learning rate fell after it had been constant: the drops of a step schedule, not a cosine."""
    rate = history["learning_rate"]
    was_constant = np.isclose(rate.shift(1), rate.shift(2), rtol=1e-6, atol=0)
    return [float(epoch) for epoch in history["epoch"][was_constant & (rate < rate.shift(1))]]
