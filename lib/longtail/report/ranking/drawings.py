"""The figures of a page: intervals by criterion, accuracy against calibration, single classes, and reliability."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from longtail.evaluate import calibration
from longtail.evaluate.ranking import ECE, TOP1, Network
from longtail.report import style
from longtail.report.figures import _diagrams
from longtail.report.ranking.ranked import Ranked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIRST, TIED, WORSE = "#0b5cd6", "#6f9fe0", "#9a9a9a"
_MARKS = {FIRST: "D", TIED: "o", WORSE: "o"}
NAMED_CLASSES = 60  # with more classes their names do not fit below the axis
DIAGRAMS = 2  # methods with reliability diagrams: more would be a page of their own


def intervals(ranked: Ranked) -> "Figure":
    """The 95 % intervals of all methods, the most accurate on top, a panel for each criterion."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    order = ranked.standings[TOP1].order
    names = [style.fitted(ranked.label(method), 26) for method in order]
    lines = sum(1 + name.count("\n") for name in names)
    height = 0.95 + 0.25 * max(2, lines)
    with style.theme():
        figure = Figure(figsize=(1.3 + 1.75 * len(ranked.standings), height), layout="constrained")
        grid = figure.subplots(1, len(ranked.standings), squeeze=False, sharey=True).ravel()
        for ax, standing in zip(grid, ranked.standings.values(), strict=True):
            criterion = standing.criterion
            for place, method in enumerate(order):
                found = standing.estimates[method]
                value, low, high = map(criterion.in_unit, (found.value, found.low, found.high))
                color = _color(standing.first, standing.tied, method)
                ax.plot([low, high], [place, place], color=color, linewidth=1.6)
                ax.plot([value], [place], _MARKS[color], color=color, markersize=5)
            better = "→" if criterion.sign > 0 else "←"
            ax.set(title=criterion.label, xlabel=f"{criterion.unit} ({better} better)", ylim=(len(order) - 0.5, -0.5))
            ax.xaxis.set_major_locator(MaxNLocator(nbins=4))
            ax.grid(axis="y", visible=False)
            ax.tick_params(axis="y", length=0)
        grid[0].set_yticks(range(len(order)), names)
        if len(order) > 1:
            looks = ((FIRST, "first"), (TIED, "not distinguishable from the first"), (WORSE, "worse than the first"))
            handles = [
                Line2D([], [], color=color, marker=_MARKS[color], markersize=5, linewidth=1.6, label=label)
                for color, label in looks
            ]
            figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _color(first: int, tied: Sequence[int], method: int) -> str:
    return FIRST if method == first else TIED if method in tied else WORSE


def front(ranked: Ranked) -> "Figure":
    """Accuracy against ECE with 95 % intervals, and the line through the methods that none is better than in both."""
    from matplotlib.figure import Figure

    accuracy, ece = ranked.standings[TOP1], ranked.standings[ECE]
    looks = style.looks(method.label for method in ranked.methods)
    with style.theme():
        figure = Figure(figsize=(6.6, max(3.4, 0.6 + 0.2 * len(ranked.methods))), layout="constrained")
        ax = figure.subplots()
        for method in accuracy.order:
            look = looks[ranked.label(method)]
            x, y = (_percent(standing.estimates[method]) for standing in (accuracy, ece))
            ax.plot(x[1:], [y[0]] * 2, color=look.color, alpha=0.45, linewidth=1)
            ax.plot([x[0]] * 2, y[1:], color=look.color, alpha=0.45, linewidth=1)
            ax.plot(x[:1], y[:1], look.marker, color=look.color, label=style.fitted(ranked.label(method), 30))
        points = [
            (_percent(accuracy.estimates[m])[0], _percent(ece.estimates[m])[0]) for m in ranked.recommendation.front
        ]
        if len(points) > 1:
            ax.plot(*zip(*sorted(points), strict=True), color=style.FAINT, linestyle=":", linewidth=1, zorder=0)
        ax.set(xlabel="Accuracy in % (→ better)", ylabel="ECE in % (↓ better)")
        figure.legend(loc="outside right upper")
    return figure


def _percent(found: Any) -> list[float]:
    return [100 * found.value, 100 * found.low, 100 * found.high]


def classes(ranked: Ranked) -> "Figure":
    """The accuracy of each class, those with most training images first, below the number of these images."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullLocator

    order = ranked.classes_by_size()
    places = np.arange(len(order))
    named = len(order) <= NAMED_CLASSES
    with style.theme():
        width = min(11.0, max(5.0, 1.6 + 0.19 * len(order)))
        figure = Figure(figsize=(width, 4.4 if named else 3.6), layout="constrained")
        above, below = figure.subplots(2, sharex=True, height_ratios=(1, 2.4))
        above.bar(places, ranked.examples.train_counts[order], width=0.85, color="#b5b5b5", linewidth=0)
        above.set(yscale="log", ylabel=f"Training\n{ranked.what}")
        above.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        above.yaxis.set_minor_locator(NullLocator())
        looks = style.looks(ranked.label(method) for method in ranked.closely)
        size = 4.5 if named else 2.5
        for method in ranked.closely:
            look = looks[ranked.label(method)]
            values = 100 * ranked.by_class(method)[order]
            below.plot(places, values, look.marker, color=look.color, markersize=size, label=ranked.label(method))
        below.set(ylabel="Accuracy in %", ylim=(-4, 104), xlim=(-0.7, len(order) - 0.3))
        if named:
            names = style.shortened([ranked.classes[number] for number in order], 22)
            below.set_xticks(places, names, rotation=90)
        else:
            below.set_xlabel(f"Classes, those with most training {ranked.what} first")
        for ax in (above, below):
            ax.grid(axis="x", visible=False)
        figure.legend(loc="outside upper center", ncols=len(looks))
    return figure


def reliability(ranked: Ranked) -> "Figure":
    """Reliability diagrams of the methods that are recommended, for each group of classes, all seeds together."""
    bins, everything = ranked.table["evaluation"]["bins"], np.ones(len(ranked.examples.sizes), dtype=bool)
    groups = [(group.name, group.classes) for group in ranked.examples.groups] or [("all classes", everything)]
    panels = []
    for method in ranked.closely[:DIAGRAMS]:
        for name, classes in groups:
            shown = classes[ranked.examples.labels]
            scores = [_score(network, shown, bins) for network in ranked.methods[method].runs.values()]
            panels.append((f"{ranked.label(method)}\n{name}", _diagrams.pool(scores)))
    return _diagrams.side_by_side(panels, "")


def _score(network: Network, shown: NDArray[np.bool_], bins: int) -> dict[str, Any]:
    """What a diagram shows of some test images [N] under one network."""
    confidence, correct = network.confidence[shown], network.correct[shown]
    diagram = calibration.reliability_bins(confidence, correct, bins)
    return {
        "top1": float(correct.mean()),
        "ece": calibration.expected_calibration_error(confidence, correct, bins),
        "signed_gap": calibration.signed_gap(confidence, correct),
        # Empty bins count for nothing in the pool, but their NaN would.
        "bins": {
            key: np.nan_to_num(getattr(diagram, key)).tolist() for key in ("edges", "count", "accuracy", "confidence")
        },
    }
