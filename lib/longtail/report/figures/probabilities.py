"""The probability that methods give to the true class: split violins by shot group (MiSLAS, slide 8)."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from longtail import results
from longtail.evaluate import protocols, scores
from longtail.report import origin, style
from longtail.report.subjects import Configuration, Method, Methods
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.runtime.letters import room

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]

BANDWIDTH = 0.03  # of the kernel, in probability: the same for all, so that halves differ only by their images
# Violins are 1 apart: distance of a half from the middle, its greatest width, shortest line of a quartile.
_GAP, _REACH, _SHORTEST = 0.012, 0.41, 0.07
_NAMES = (
    f"Many (> {scores.MANY_ABOVE})",
    f"Medium ({scores.FEW_BELOW}–{scores.MANY_ABOVE})",
    f"Few (< {scores.FEW_BELOW})",
)
_QUARTER: dict[str, Any] = {"color": style.INK, "linewidth": 0.8, "linestyle": (0, (2.5, 1.5))}
_MEDIAN: dict[str, Any] = {"color": style.INK, "linewidth": 1.3, "solid_capstyle": "butt"}
_MEAN: dict[str, Any] = {
    "color": style.INK,
    "linestyle": "",
    "markersize": 15,
    "markeredgewidth": 0,
}
_QUARTILES = {0.25: _QUARTER, 0.5: _MEDIAN, 0.75: _QUARTER}
_HATCHES = (None, "////")  # left and right


CATEGORY = "Calibration"
MESSAGE = "Probability of the true class: {figure}"
CAPTION = (
    "Probability that two methods give to the true class of each test image, left and right half of each violin, by "
    "the number of training images of the class; last epoch, the test sets of all seeds together. Densities with a "
    "kernel of 0.03, mirrored at 0 and 1; every half is drawn equally wide at its widest, so shapes compare and "
    "areas do not."
)
TOGETHER = 2
SETTINGS = {
    "panels": {
        "type": "array",
        "minItems": 1,
        "description": "two methods each",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["left", "right"],
            "properties": {
                "left": {"type": "string", "description": "the method in the left halves of the violins"},
                "right": {"type": "string", "description": "the method in the right halves"},
            },
        },
    },
}


class Half(NamedTuple):
    """A method in a panel: its label, and the probabilities [n] of the true class by shot group."""

    label: str
    groups: Mapping[str, Floats]


def methods(definition: dict[str, Any], config: Configuration) -> list[dict[str, Any]]:
    """The left and the right method of each panel."""
    return [{"method": panel[side]} for panel in definition["panels"] for side in ("left", "right")]


def inputs(subject: Methods) -> dict[str, Any]:
    """The test logits of all runs, and the class sizes."""
    return {"logits": [run.logits for run in subject.runs], "subset": subject.subset}


def layout(subject: Methods) -> dict[str, Any]:
    """Panels of two methods, left and right, with their logits. A pair that cannot run is left out."""
    halves = [_laid_out(method) for method in subject.methods if method.runs]
    return {"panels": list(zip(halves[::2], halves[1::2], strict=True))}


def _laid_out(method: Method) -> dict[str, Any]:
    logits = [run.logits for run in method.runs]
    return {"label": method.label, "calibration": method.calibration, "logits": logits}


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """The violins of all panels."""
    counts = files.read_json(paths["subset"])["counts"]
    runs = {results.name(path): of_true_class(path) for path in paths["logits"]}
    return probabilities(with_values(layout, runs, counts), counts, layout["title"])


def with_values(
    layout: Mapping[str, Any], runs: Mapping[str, tuple[Floats, Integers]], counts: Sequence[int]
) -> list[tuple[Half, Half]]:
    """The panels of `probabilities`; `runs` holds the result of `of_true_class` for each run by path."""
    return [(_half(left, runs, counts), _half(right, runs, counts)) for left, right in layout["panels"]]


def _half(laid_out: Mapping[str, Any], runs: Mapping[str, tuple[Floats, Integers]], counts: Sequence[int]) -> Half:
    label = laid_out["label"] + (origin.DAGGER if laid_out["calibration"] else "")
    return Half(label, by_group([runs[path] for path in laid_out["logits"]], counts))


def small_print(layout: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str:
    """Explains the daggers, and says which runs are shown."""
    halves = [half for panel in layout["panels"] for half in panel]
    marked = {half["label"]: half["calibration"] for half in halves}
    daggers = origin.explained((label, text) for label, text in marked.items() if text)
    fewest = min(len(half["logits"]) for half in halves)
    return " ".join([*daggers, origin.after(layout["source"], layout["seeds"], records, fewest)])


def of_true_class(path: Path | str) -> tuple[Floats, Integers]:
    """Probability of the true class [N] in the last epoch, and that class [N], from a logits or a features file.

    Raises InputError if the file is damaged.
    """
    stored = protocols.load(path)
    labels = stored["labels"]
    return scores.softmax(stored["last"])[np.arange(len(labels)), labels], labels


def by_group(runs: Sequence[tuple[Floats, Integers]], counts: Sequence[int]) -> dict[str, Floats]:
    """Probabilities [n] of each shot group, with the test images of all runs concatenated.

    `runs` holds the results of `of_true_class`, `counts` the training images of each class [K].
    """
    values, labels = (np.concatenate(column) for column in zip(*runs, strict=True))
    return {name: values[group[labels]] for name, group in scores.shot_groups(np.array(counts)).items()}


def density(values: Floats, at: Floats) -> Floats:
    """Kernel density [M], at places in [0, 1], of values [n] in [0, 1]: a Gaussian kernel, mirrored at 0 and 1.

    Mirroring keeps the mass within [0, 1]. Values are first counted in bins of 1/1000, so that millions of values are
    as fast as hundreds.
    """
    counts, edges = np.histogram(values, bins=1000, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    sources = np.concatenate([-middles, middles, 2 - middles])
    kernel = np.exp(-0.5 * ((at[:, None] - sources) / BANDWIDTH) ** 2) / (BANDWIDTH * np.sqrt(2 * np.pi))
    densities: Floats = kernel @ np.tile(counts, 3) / len(values)
    return densities


def probabilities(panels: Sequence[tuple[Half, Half]], counts: Sequence[int], title: str) -> "Figure":
    """Split violins, at most three panels in a row: a panel compares two methods, with a violin for each shot group.

    A half is the density of its method's values, from the smallest to the largest; all halves have the same maximum
    width. Lines mark the quartiles; the numbers below are means. A group without test images keeps its name but has
    no violin. `counts` are the training images of each class [K].
    Raises InputError for no panel. Source: MiSLAS, slide 8.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    if not panels:
        raise InputError(f"the figure of probabilities {title!r} has no panel; name two methods to compare.")
    rows = ceil(len(panels) / 3)
    columns = ceil(len(panels) / rows)
    width, foot = 3.1 * columns + 0.4, 0.3
    heading = style.broken(title, width)
    names = [[style.fitted(half.label, 40) for half in panel] for panel in panels]
    above = 0.13 * max(left.count("\n") + right.count("\n") for left, right in names)
    height = 0.3 + 0.17 * (1 + heading.count("\n")) + (2.9 + above) * rows + foot
    engine = ConstrainedLayoutEngine(rect=(0, foot / height, 1, 1 - foot / height))
    looks = style.looks(half.label for panel in panels for half in panel)
    with style.theme():
        figure = Figure(figsize=(width, height), layout=engine)
        figure.suptitle(heading)
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel().tolist()
        for ax, panel, named in zip(grid, panels, names, strict=False):
            _draw(ax, panel, named, [looks[half.label].color for half in panel])
            _name_groups(ax, counts)
        for ax in grid[::columns]:
            ax.set_ylabel("Probability of the true class")
        for ax in grid[len(panels) :]:
            ax.set_visible(False)
        # Anchored in figure coordinates: a figure that grows by a footnote leaves it in place.
        figure.legend(handles=_key(), loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=3, borderaxespad=0.3)
    return figure


def _draw(ax: "Axes", panel: tuple[Half, Half], names: Sequence[str], colours: Sequence[str]) -> None:
    """The violins of a panel, many at 0, medium at 1 and few at 2, and its two methods named above."""
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Patch

    fills: list[dict[str, Any]] = [
        {"facecolor": to_rgba(colour, 0.4), "edgecolor": colour, "linewidth": 0.8, "hatch": hatch}
        for colour, hatch in zip(colours, _HATCHES, strict=True)
    ]
    for place, values in enumerate(zip(*(half.groups.values() for half in panel), strict=True)):
        if all(map(len, values)):
            for side, own, fill in zip((-1, 1), values, fills, strict=True):
                _half_violin(ax, place + side * _GAP, side, own, fill)
    ax.set(xlim=(-0.5, 2.5), ylim=(0, 1), yticks=np.linspace(0, 1, 6))
    ax.grid(axis="x", visible=False)
    ax.legend(
        handles=[Patch(label=name, **fill) for name, fill in zip(names, fills, strict=True)],
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=2 if sum(map(room, names)) <= 30 else 1,
    )


def _half_violin(ax: "Axes", start: float, side: int, values: Floats, fill: Mapping[str, Any]) -> None:
    """The density of values [n] from `start` to the left (-1) or right (1), with quartiles, and the mean below."""
    heights = np.linspace(values.min(), values.max(), 201)
    widths = density(values, heights)
    scale = _REACH / widths.max()
    # Not clipped: many values are close to 0 or 1, where half the width of a line would be cut off.
    ax.fill_betweenx(heights, start, start + side * scale * widths, clip_on=False, **fill)
    levels = np.quantile(values, list(_QUARTILES))
    for level, reach, look in zip(levels, scale * density(values, levels), _QUARTILES.values(), strict=True):
        ax.plot([start, start + side * max(reach, _SHORTEST)], [level, level], clip_on=False, **look)
    ax.annotate(
        f"{values.mean():.2f}",
        (start, 0),
        (3 * side, -3),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="top",
        fontsize=7,
        annotation_clip=False,  # its place is on the edge
    )


def _name_groups(ax: "Axes", counts: Sequence[int]) -> None:
    """Names of the groups below their violins, with the number of their classes."""
    classes = [int(group.sum()) for group in scores.shot_groups(np.array(counts)).values()]
    numbers = [f"{number or 'no'} class{'' if number == 1 else 'es'}" for number in classes]
    ax.set_xticks(range(len(numbers)), [f"{name}\n{number}" for name, number in zip(_NAMES, numbers, strict=True)])
    ax.tick_params(axis="x", length=0, pad=14)  # below the means
    ax.set_xlabel("Classes by their training images")


def _key() -> list["Line2D"]:
    import matplotlib as mpl
    from matplotlib.lines import Line2D
    from matplotlib.markers import MarkerStyle

    with mpl.rc_context({"text.parse_math": True}):  # the marker is the text between the dollar signs
        number = MarkerStyle("$0.42$")
    return [
        Line2D([], [], label="Median", **_MEDIAN),
        Line2D([], [], label="Quartiles", **_QUARTER),
        Line2D([], [], label="Mean", marker=number, **_MEAN),
    ]
