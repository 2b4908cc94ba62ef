"""The factors of label-aware smoothing against the class sizes, drawn if a method of the setting uses it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from longtail.report import style
from longtail.report.subjects import Setting
from longtail.runtime import files
from longtail.smoothing import FORMS, smoothing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWS = "setting"
CATEGORY = "Training"
MESSAGE = "Label-aware smoothing of {dataset} {imbalance}, {backbone}"
CAPTION = (
    "The three forms of label-aware smoothing at the class counts of the training set: how much probability is taken "
    "from the true class."
)


def applies(subject: Setting) -> bool:
    """Whether a Stage 2 of the setting uses the loss."""
    return bool(_losses(subject))


def inputs(subject: Setting) -> dict[str, Any]:
    """The subset."""
    return {"subset": subject.subset}


def layout(subject: Setting) -> dict[str, Any]:
    """The title, and the loss of the first method that uses it, with ε of head and tail."""
    return {"title": f"Label-aware smoothing: {subject.setting}, {subject.backbone}", **_losses(subject)[0]}


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """The curves at the class counts of the subset."""
    counts = files.read_json(paths["subset"])["counts"]
    return smoothing_curves(counts, layout["head"], layout["tail"], layout["title"])


def _losses(subject: Setting) -> list[Mapping[str, Any]]:
    return [loss for loss in subject.stage2_losses if loss["name"] == "label_aware_smoothing"]


def smoothing_curves(counts: Sequence[int], head: float, tail: float, title: str) -> "Figure":
    """Smoothing factor ε_y against the class count N_y for the three forms, a dot for each of the K classes.

    If every class has the same count, all three are one point at ``head``, and the figure says so.
    Raises InputError as `smoothing`. Source: MiSLAS, slide 9.
    """
    from matplotlib.figure import Figure

    with style.theme():
        figure = Figure(figsize=(4.4, 3.3), layout="constrained")
        figure.suptitle(style.broken(title, figure.get_figwidth()))
        ax = figure.subplots()
        colors = style.palette()
        for form, color, marker in zip(FORMS, (colors[5], colors[7], colors[3]), "os^", strict=True):
            factors = smoothing(counts, head, tail, form)
            # The form depends only on the largest and smallest count: a fine grid between them gives its curve.
            grid = np.linspace(min(counts), max(counts), 301)
            curve = smoothing(grid, head, tail, form)
            ax.plot(grid, curve, color=color, linewidth=0.9)
            ax.plot(counts, factors, marker, color=color, markersize=2.8, label=form.capitalize())
        ax.set_xlabel("Training examples of class y,  $N_y$", parse_math=True)
        ax.set_ylabel("Smoothing factor,  $\\epsilon_y$", parse_math=True)
        if min(counts) == max(counts):
            ax.set_title(f"every class has {counts[0]:,} examples: every factor is {head:g}")
        ax.legend(loc="lower right")
    return figure
