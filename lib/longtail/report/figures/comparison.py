"""Reliability diagrams of several methods, side by side and as lines in one diagram; the default kind of figure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from longtail import results
from longtail.report import origin, style
from longtail.report.figures import _diagrams
from longtail.report.subjects import Configuration, Methods
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.runtime.letters import isolated, room

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CATEGORY = "Calibration"
MESSAGE = "Comparison {figure}"
CAPTION = (
    "Reliability of several methods, last epoch: accuracy and mean confidence in each confidence bin, over the test "
    "sets of all seeds together. Top-1 and ECE are means over the seeds."
)
DRAWINGS = {"panels": "side by side", "overlay": "in one diagram"}
FOLDER = ""
SETTINGS = {
    "bins": {
        "type": ["integer", "null"],
        "minimum": 1,
        "default": None,
        "description": "confidence bins, one of evaluation.also; null for evaluation.bins",
    },
    "panels": {
        "type": "array",
        "minItems": 1,
        "description": "one method each",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["method"],
            "properties": {
                "method": {"type": "string", "description": "name of a method"},
                "label": {"type": "string", "description": "panel title (default, the method's label)"},
                "factor": {"description": "an imbalance factor other than the figure's"},
                "printed": {
                    "type": "object",
                    "default": {},
                    "description": "the paper's numbers in %: {top1, ece}",
                    "additionalProperties": False,
                    "properties": {
                        "top1": {"type": "number", "description": "accuracy in %"},
                        "ece": {"type": "number", "description": "expected calibration error in %"},
                    },
                },
            },
        },
    },
}

# The share of the images in the smallest bin that an overlay draws.
SMALLEST = 0.01
_METRICS = (_diagrams.TOP1, _diagrams.ECE)


def methods(definition: dict[str, Any], config: Configuration) -> list[dict[str, Any]]:
    """The method of each panel; InputError for a number of bins in which no images are counted."""
    bins, evaluation = definition["bins"], config.evaluation
    if bins == evaluation["bins"]:
        definition["bins"] = None
    counted = [evaluation["bins"], *evaluation["also"]]
    if bins and bins not in counted:
        raise InputError(
            f"{config.where}, key 'bins': test images are counted in {' or '.join(map(str, counted))} bins, not in "
            f"{bins}: add {bins} to evaluation.also"
        )
    return list(definition["panels"])


def inputs(subject: Methods) -> dict[str, Any]:
    """The scores of all runs."""
    return {"metrics": [run.metrics for run in subject.runs]}


def layout(subject: Methods) -> dict[str, Any]:
    """A panel for each method, and the number of bins, also in the title, where it is not the evaluation's own."""
    bins = subject.definition["bins"]
    title = {"title": f"{subject.definition['title']}, {bins} bins"} if bins else {}
    panels = [
        {
            "label": method.label,
            "calibration": method.calibration,
            "printed": method.printed,
            "needs": method.needs,
            "runs": [run.metrics for run in method.runs],
        }
        for method in subject.methods
    ]
    return {**title, "panels": panels, "bins": bins}


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> dict[str, "Figure"]:
    """Both forms."""
    scores = pooled(layout, {results.name(path): files.read_json(path) for path in paths["metrics"]})
    titled = [(panel_title(label, printed), score) for label, score, printed in scores]
    lines = [(label, score) for label, score, _ in scores]
    return {
        "panels": _diagrams.side_by_side(titled, layout["title"]),
        "overlay": overlay(lines, layout["title"]),
    }


def small_print(layout: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str:
    """Explains the daggers, and says where the numbers come from."""
    fewest = min(len(panel["runs"]) for panel in _filled(layout))
    daggers = origin.explained(
        (panel["label"], panel["calibration"]) for panel in _filled(layout) if panel["calibration"]
    )
    return " ".join([*daggers, origin.line(layout["source"], layout["seeds"], records, fewest)])


def pooled(
    layout: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, dict[str, Any], Mapping[str, float]]]:
    """Label (with the dagger of its method), pooled score of the last epoch and printed numbers of each panel.

    Panels without runs are left out. `metrics` holds metrics.json by path.
    """
    return [
        (
            panel["label"] + (origin.DAGGER if panel["calibration"] else ""),
            _diagrams.pool([_binned(metrics[run]["last"], layout["bins"]) for run in panel["runs"]]),
            panel["printed"],
        )
        for panel in _filled(layout)
    ]


def _filled(layout: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Panels whose method has runs."""
    return [panel for panel in layout["panels"] if panel["runs"]]


def _binned(score: Mapping[str, Any], bins: int | None) -> Mapping[str, Any]:
    """A score with the ECE and the bins for another number of bins; None keeps its own."""
    return {**score, **score["diagrams"][str(bins)]} if bins else score


def panel_title(label: str, printed: Mapping[str, float]) -> str:
    """A method's label with the accuracy and the calibration error that the paper prints, in %.

    If it prints only one of them, the other is a dash.
    """
    if not printed:
        return label
    accuracy, error = (
        metric.as_printed(printed[metric.name]) if metric.name in printed else "–" for metric in _METRICS
    )
    # Titles are broken at plain spaces; no-break spaces keep the printed numbers together.
    return f"{label} " + f"(printed {accuracy} / {error})".replace(" ", "\N{NO-BREAK SPACE}")


def overlay(lines: Sequence[tuple[str, Mapping[str, Any]]], title: str) -> "Figure":
    """Accuracy against mean confidence in each bin, one line per method; the marker area is the share of the images.

    A bin with less than 1 % of the images is left out, since a few images would draw a spike (with more than 100
    bins: with less than their mean share). ``lines`` holds (method label, score) in legend order.
    Raises InputError as `_diagrams.draw_panel`, and for no line.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    if not lines:
        raise InputError(f"the overlay {title!r} has no line; name at least one run.")
    looks = style.looks(label for label, _ in lines)
    names = [style.fitted(label, 36).split("\n") for label, _ in lines]
    # At least as wide as the note below the legend.
    letters = max(room(line) for name in (*names, ["long enough"]) for line in name)

    # In inches. The legend has a row for each line of a method, a head row, and room for the note below.
    side = max(3.4, 0.157 * (sum(map(len, names)) + 4))
    width = 0.55 + 1.05 * side + 0.45 + 0.063 * (letters + 22)
    heading = style.broken(title, width)
    height = 0.48 + side + 0.2 + 0.17 * (1 + heading.count("\n"))

    with style.theme():
        figure = Figure(figsize=(width, height))
        figure.suptitle(heading, y=1 - 0.07 / height)
        ax = figure.add_axes((0.55 / width, 0.48 / height, side / width, side / height))
        ax.plot([0, 1], [0, 1], **_diagrams.DIAGONAL)
        heads = [f"{metric.label} {metric.unit}" for metric in _METRICS]
        handles = [Line2D([], [], linestyle="", label="  ".join([f"{'Method':<{letters}}", *heads]))]
        for (label, score), (first, *others) in zip(lines, names, strict=True):
            bins, (color, marker, dash) = _diagrams.filled_bins(score, label), looks[label]
            large = bins.share >= min(SMALLEST, 1 / len(score["bins"]["count"]))
            confidence, accuracy = bins.confidence[large], bins.accuracy[large]
            ax.plot(
                confidence,
                accuracy,
                color=color,
                linestyle=dash,
                linewidth=1.0,
                alpha=0.7,
                label=label,
                clip_on=False,
            )
            ax.scatter(
                confidence,
                accuracy,
                s=np.maximum(6, 160 * bins.share[large]),
                clip_on=False,
                marker=marker,
                color=color,
                edgecolor="white",
                linewidth=0.35,
                zorder=3,
                label=label,
            )
            padded = isolated(first) + " " * (letters - room(first))
            numbers = [
                f"{_diagrams.value(score, metric):>{len(head)}}" for metric, head in zip(_METRICS, heads, strict=True)
            ]
            text = f"{'  '.join([padded, *numbers])} {_diagrams.direction(score)}"
            text = "\n".join([text, *others])
            handles.append(Line2D([], [], color=color, linestyle=dash, marker=marker, markersize=5, label=text))
        ax.set(xlim=(0, 1), ylim=(0, 1), xticks=_diagrams.TICKS, yticks=_diagrams.TICKS)
        ax.set(xlabel="Mean confidence in the bin", ylabel="Accuracy in the bin")
        ax.text(0.02, 0.97, "under-confident", color=style.FAINT, va="top")
        ax.text(0.98, 0.03, "over-confident", color=style.FAINT, ha="right")
        ax.text(
            1.04,
            0.0,
            "Marker area: share in the bin\n(bins below 1 % are left out)",
            color=style.FAINT,
            fontsize="small",
            transform=ax.transAxes,
        )
        legend = ax.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(1.04, 1.0),
            borderaxespad=0,
            prop={"family": "DejaVu Sans Mono", "size": 7.5},
        )
        legend.get_texts()[0].set_fontweight("bold")
    return figure
