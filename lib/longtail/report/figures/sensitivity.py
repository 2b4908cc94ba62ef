"""How metrics depend on the settings of a method, one panel per setting. A score is a part of metrics.json."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

from longtail import results
from longtail.evaluate.columns import METRICS, Metric
from longtail.report import style
from longtail.report.subjects import Configuration, Method, Methods
from longtail.runtime import files
from longtail.runtime.errors import InputError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Score = Mapping[str, Any]
Floats = npt.NDArray[np.float64]

CATEGORY = "Studies"
MESSAGE = "Settings of a method: {figure}"
CAPTION = (
    "Metrics over the settings of a method, one setting varied at a time, last epoch, mean and standard deviation "
    "over the seeds."
)
NEEDS_ALL = True
SETTINGS = {
    "method": {"type": "string", "description": "the method whose settings are varied"},
    "baseline": {"type": "string", "description": "the method that it is compared with"},
    "metrics": {
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": {"$ref": "#/$defs/metric"},
        "default": ["top1", "ece"],
        "description": "the metrics to draw, one row of panels each",
    },
    "panels": {
        "type": "array",
        "minItems": 1,
        "description": "one setting each",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["title", "key", "values"],
            "properties": {
                "title": {"type": "string", "description": "name of the setting in the figure"},
                "key": {"type": "string", "description": "the setting's key in the method: stage2.generator.m"},
                "values": {
                    "type": "array",
                    "minItems": 1,
                    "uniqueItems": True,
                    "items": {"type": ["number", "string"]},
                    "description": "its values from left to right; the method's own may be among them",
                },
            },
        },
    },
}

# The colours of the metrics from top to bottom, as positions in the palette.
_COLOURS = (5, 3, 7, 6, 2)
_DEFAULT: dict[str, Any] = {"marker": "D", "markersize": 5.5, "markeredgecolor": style.INK, "markeredgewidth": 1.0}
_BASELINE: dict[str, Any] = {"color": style.FAINT, "linestyle": (0, (4, 2.5)), "linewidth": 1.0}


class Point(TypedDict):
    """A value of the setting, a number or a name, and the score of each run (seed) with this value."""

    at: float | str
    values: Sequence[Score]


class Panel(TypedDict):
    """A setting: its title, the values tried, and the method's own value."""

    title: str
    points: Sequence[Point]
    default: NotRequired[float | str]


def methods(definition: dict[str, Any], config: Configuration) -> list[dict[str, Any]]:
    """The baseline, then a method for each value of each panel; raises InputError for a value that is not allowed.

    Adds the method's own value to each panel (None if the panel does not list it).
    """
    names = [definition["baseline"]]
    for panel in definition["panels"]:
        panel["default"], variants = config.variants(
            definition["method"], panel["key"], panel["values"], panel["title"]
        )
        names += variants
    return [{"method": name} for name in names]


def inputs(subject: Methods) -> dict[str, Any]:
    """The scores of all runs."""
    return {"metrics": [run.metrics for run in subject.runs]}


def layout(subject: Methods) -> dict[str, Any]:
    """The baseline with its scores, and the panels with those of each point."""
    baseline, *others = subject.methods
    points = iter(others)
    panels = [
        {
            "title": panel["title"],
            "default": panel["default"],
            "points": [{"at": value, "runs": _scores(next(points))} for value in panel["values"]],
        }
        for panel in subject.definition["panels"]
    ]
    metrics = subject.definition["metrics"]
    return {"label": baseline.label, "baseline": _scores(baseline), "metrics": metrics, "panels": panels}


def _scores(method: Method) -> list[str]:
    return [run.metrics for run in method.runs]


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """All panels."""
    scores = {results.name(path): files.read_json(path)["last"] for path in paths["metrics"]}
    return sensitivity(*with_scores(layout, scores), layout["title"], layout["metrics"])


def with_scores(
    layout: Mapping[str, Any], scores: Mapping[str, Score]
) -> tuple[list[Panel], tuple[str, list[Score]]]:
    """The panels and the baseline of `sensitivity`, with the scores of their runs by path."""
    panels: list[Panel] = []
    for laid_out in layout["panels"]:
        points: list[Point] = [
            {"at": point["at"], "values": [scores[run] for run in point["runs"]]} for point in laid_out["points"]
        ]
        panel: Panel = {"title": laid_out["title"], "points": points}
        if laid_out["default"] is not None:
            panel["default"] = laid_out["default"]
        panels.append(panel)
    return panels, (layout["label"], [scores[run] for run in layout["baseline"]])


def sensitivity(
    panels: Sequence[Panel], baseline: tuple[str, Sequence[Score]], title: str, metrics: Sequence[str]
) -> "Figure":
    """A column of panels per setting, at most four settings in a row: one panel per metric, the first the tallest.

    A point is the mean over seeds, its bar the sample standard deviation if there are several. Numeric values are
    joined by a line; values with a name among them are evenly spaced in their order. A diamond marks the default, a
    dashed line the mean of `baseline` (label, score of each seed).
    Raises InputError for no panel, a panel or point without a score, a score without one of the metrics, and a
    default that was not tried.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import MaxNLocator

    if not panels:
        raise InputError(f"the sensitivity figure {title!r} has no panel; name at least one setting.")
    label, scores = baseline
    shown = [METRICS[name] for name in metrics]
    level = {metric.name: _mean(scores, metric, label)[0] for metric in shown}
    for panel in panels:
        tried = [point["at"] for point in panel["points"]]
        if not tried:
            raise InputError(f"panel {panel['title']!r} of {title!r} has no point; name the values to try.")
        if "default" in panel and panel["default"] not in tried:
            raise InputError(
                f"the default {panel['default']!r} of panel {panel['title']!r} is not among its values "
                f"{', '.join(map(str, tried))}; add it."
            )

    bands = ceil(len(panels) / 4)
    columns = ceil(len(panels) / bands)
    width, foot = max(1.62 * columns + 0.6, 3.4), 0.3 if columns > 2 else 0.62
    heading, names = style.broken(title, width), [style.fitted(panel["title"], 21) for panel in panels]
    named = style.fitted(f"{label} (mean)" if len(scores) > 1 else label, 40)
    foot += 0.13 * named.count("\n")
    tall = 2.85 + 1.21 * (len(shown) - 2) + 0.15 * max(name.count("\n") for name in names)
    height = 0.3 + 0.17 * (1 + heading.count("\n")) + tall * bands + foot
    engine = ConstrainedLayoutEngine(rect=(0, foot / height, 1, 1 - foot / height))
    palette = style.palette()
    colours = [palette[place] for place in _COLOURS]
    with style.theme():
        figure = Figure(figsize=(width, height), layout=engine)
        figure.suptitle(heading)
        ratios = (1.35, *[1] * (len(shown) - 1)) * bands
        grid = figure.add_gridspec(len(shown) * bands, columns, height_ratios=ratios)
        ranges = {metric.name: _range(panels, metric, level[metric.name]) for metric in shown}
        first: dict[str, Axes] = {}
        for number, panel in enumerate(panels):
            band, column = divmod(number, columns)
            above: Axes | None = None
            for row, metric in enumerate(shown):
                place = grid[len(shown) * band + row, column]
                ax = figure.add_subplot(place, sharex=above, sharey=first.get(metric.name))
                first.setdefault(metric.name, ax)
                _draw(ax, panel, metric, colours[row % len(colours)], ranges[metric.name])
                ax.axhline(level[metric.name], zorder=1, label="baseline", **_BASELINE)
                ax.tick_params(labelleft=column == 0, labelbottom=row == len(shown) - 1)
                if column == 0:
                    ax.set_ylabel(f"{metric.label} ({metric.unit})")
                above = ax
                if row == 0:
                    ax.set_title(names[number])
        for name, ax in first.items():
            ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
            ax.set_ylim(*ranges[name])
        figure.align_ylabels()
        # Anchored in figure coordinates: a figure that grows by a footnote leaves it in place.
        figure.legend(
            handles=_key(panels, named),
            loc="lower center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=3 if columns > 2 else 1,
            borderaxespad=0.3,
        )
    return figure


def _mean(scores: Sequence[Score], metric: Metric, of: str) -> tuple[float, float]:
    """Mean and sample standard deviation (NaN of a single run) in the metric's unit.

    Both are NaN, and nothing is drawn, if a run has no value (a group without classes).
    """
    if not scores:
        raise InputError(f"{of!r} needs at least one score; evaluate its runs again.")
    stored = [metric.stored(score, f"the metrics.json of {of!r}") for score in scores]
    values = np.array([np.nan if value is None else metric.in_unit(value) for value in stored])
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _range(panels: Sequence[Panel], metric: Metric, level: float) -> tuple[float, float]:
    """The lowest and the highest value of an axis: those of all points and of the baseline, without outliers.

    An outlier is further than three times the interquartile range from the middle half of at least five points, and
    leaves a tenth of the axis or more empty beside the others. Defaults are shown in any case.
    """
    pairs, kept = [], []
    for panel in panels:
        for point in panel["points"]:
            pairs.append(_mean(point["values"], metric, f"{panel['title']} = {point['at']}"))
            kept.append("default" in panel and point["at"] == panel["default"])
    means, spreads = np.array(pairs).T
    means, spreads, kept = (values[np.isfinite(means)] for values in (means, spreads, np.array(kept)))
    if len(means) == 0:
        return (level - 1, level + 1) if np.isfinite(level) else (0.0, 1.0)
    shown = np.ones(len(means), bool)
    if len(means) >= 5:
        low, high = np.quantile(means, [0.25, 0.75])
        fence = 3 * max(high - low, 0.1 * np.ptp(means))
        shown = kept | ((means >= low - fence) & (means <= high + fence))
    spreads = np.nan_to_num(spreads[shown])
    ends = [(means[shown] - spreads).min(), (means[shown] + spreads).max()]
    ends += [level] if np.isfinite(level) else []
    margin = 0.12 * (np.ptp(ends) or abs(ends[0]) or 1.0)
    return float(min(ends) - margin), float(max(ends) + margin)


def _mark_outliers(ax: "Axes", places: Floats, means: Floats, metric: Metric, colour: str, ends: Floats) -> None:
    """An arrow at the edge of the axes for every mean beyond them, with its value."""
    for place, mean in zip(places, means, strict=True):
        if ends[0] <= mean <= ends[1] or not np.isfinite(mean):
            continue
        above = mean > ends[1]
        edge, marker = (ends[1], "^") if above else (ends[0], "v")
        ax.plot(place, edge, marker, color=colour, markersize=6, clip_on=False, zorder=5, label="outlier")
        ax.annotate(
            metric.text(float(mean)),
            (place, edge),
            (0, -7 if above else 7),
            textcoords="offset points",
            ha="center",
            va="top" if above else "bottom",
            fontsize=7,
            color=colour,
            bbox={"facecolor": "white", "linewidth": 0, "pad": 0.5},
        )


def _draw(ax: "Axes", panel: Panel, metric: Metric, colour: str, ends: tuple[float, float]) -> None:
    """The points of one metric, the default on top; a setting with names is drawn at 0, 1, 2, …

    A point outside the axis, which goes from the first to the second of `ends`, is an arrow at its edge.
    """
    points = list(panel["points"])
    numeric = not any(isinstance(point["at"], str) for point in points)
    if numeric:
        points.sort(key=lambda point: float(point["at"]))
    places = [float(point["at"]) if numeric else float(place) for place, point in enumerate(points)]
    pairs = [_mean(point["values"], metric, f"{panel['title']} = {point['at']}") for point in points]
    means, spreads = (np.array(column) for column in zip(*pairs, strict=True))
    ax.plot(
        places, means, "o-" if numeric else "o", color=colour, markersize=4, linewidth=1.1, zorder=3, label="mean"
    )
    several = np.isfinite(spreads)
    ax.errorbar(
        np.array(places)[several],
        means[several],
        spreads[several],
        fmt="none",
        ecolor=colour,
        elinewidth=1.0,
        capsize=2.5,
        zorder=2,
        label="spread",
    )
    _mark_outliers(ax, np.array(places), means, metric, colour, np.array(ends))
    for place, mean, point in zip(places, means, points, strict=True):
        if "default" in panel and point["at"] == panel["default"]:
            ax.plot(place, mean, color=colour, zorder=4, label="default", **_DEFAULT)
    _ticks(ax, places, [f"{point['at']:g}" if numeric else str(point["at"]) for point in points], not numeric)


def _ticks(ax: "Axes", places: list[float], texts: list[str], named: bool) -> None:
    """A tick at every value; numbers that would overlap are replaced by round ones."""
    from matplotlib.ticker import MaxNLocator

    span = (places[-1] - places[0]) or 1.0
    nearest = min(np.diff(places), default=span)
    margin = 0.5 if named else 0.12 * span
    ax.set_xlim(places[0] - margin, places[-1] + margin)
    room = 24 * nearest / (span + 2 * margin)  # 24 letters fit across a panel; this many between neighbours
    longest = max(map(len, texts))
    if longest + 1 <= room:
        ax.set_xticks(places, texts)
    elif named or room >= 2:
        ax.set_xticks(places, texts, rotation=35, ha="right", rotation_mode="anchor")
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=4))


def _key(panels: Sequence[Panel], baseline: str) -> list["Artist"]:
    from matplotlib.lines import Line2D

    runs = sorted({len(point["values"]) for panel in panels for point in panel["points"]})
    number = f"{runs[0]}" if len(runs) == 1 else f"{runs[0]}–{runs[-1]}"
    drawn = "One run" if runs == [1] else f"Mean ± sd of {number} runs"
    key: list[Artist] = [Line2D([], [], color=style.INK, marker="o", markersize=4, linewidth=1.1, label=drawn)]
    if any("default" in panel for panel in panels):
        key.append(Line2D([], [], linestyle="", color="white", label="Default", **_DEFAULT))
    return [*key, Line2D([], [], label=baseline, **_BASELINE)]
