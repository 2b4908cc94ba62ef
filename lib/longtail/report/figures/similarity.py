"""How similar classes are: cosines between class means, and between class variances (LADC, figure 1)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from longtail import head_set
from longtail.report import style
from longtail.report.subjects import Configuration, Methods
from longtail.runtime import files, npz
from longtail.runtime.errors import InputError
from longtail.runtime.letters import room

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

Floats = npt.NDArray[np.float64]

ANNOTATED = 20  # with more classes the numbers do not fit into their cells
NAMED = 60  # with more classes the names do not fit beside their rows
_BLUE, _DIVIDER = "#0b5cd6", style.INK

CATEGORY = "Features"
MESSAGE = "Similar classes: {figure}"
CAPTION = (
    "Cosine similarities between the means and between the variances of the classes' training features, under the "
    "first seed."
)
FIRST_SEED = True
SETTINGS = {
    "method": {"type": "string", "description": "a one-stage method whose features are compared"},
    "head_rule": {
        "enum": ["share", "top_k"],
        "description": "the head classes: the largest that hold a share of all images, or a number of the largest",
    },
    "head_size": {"type": "number", "exclusiveMinimum": 0, "description": "that share, or that number"},
}


def methods(definition: dict[str, Any], config: Configuration) -> list[dict[str, Any]]:
    """The one method; raises InputError if it uses the network of another method."""
    name = definition["method"]
    if isinstance(config.method(name).get("stage1"), str):
        raise InputError(f"{config.where}, key 'method': '{name}' has no network of its own: name its stage1")
    return [{"method": name}]


def inputs(subject: Methods) -> dict[str, Any]:
    """Features of the network, names of the classes, and their sizes."""
    return {"features": subject.runs[0].features, "classes": subject.classes, "subset": subject.subset}


def layout(subject: Methods) -> dict[str, Any]:
    """Which classes are head classes."""
    return {key: subject.definition[key] for key in ("head_rule", "head_size")}


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """Both heat maps."""
    stored = npz.load(paths["features"], ["train_features", "train_labels"], "features")
    names = files.read_json(paths["classes"], "names")["names"]
    heads = head_set.choose(files.read_json(paths["subset"])["counts"], layout["head_rule"], layout["head_size"])
    cosines = class_similarities(stored["train_features"], stored["train_labels"], len(names))
    return similarity_heatmaps(*cosines, names, heads.tolist(), layout["title"])


def class_similarities(features: npt.ArrayLike, labels: npt.ArrayLike, classes: int) -> tuple[Floats, Floats]:
    """Cosines between the means of all pairs of classes [K, K], and between their variances per dimension [K, K].

    `features` is [N, D], `labels` [N] in 0..K-1. Variances divide by n - 1; the row and column of a vector without
    direction (variances of a class with one image, or all zeros) are NaN.
    Raises InputError if the shapes do not match or a class has no image. Source: LADC, figure 1.
    """
    vectors, owners = np.asarray(features), np.asarray(labels)
    if vectors.ndim != 2 or owners.shape != vectors.shape[:1]:
        raise InputError(
            f"features must be [N, D] and labels [N], but are {list(vectors.shape)} and {list(owners.shape)}; "
            "extract the features again."
        )
    if owners.size and not 0 <= owners.min() <= owners.max() < classes:
        raise InputError(
            f"labels run from {owners.min()} to {owners.max()}, but there are {classes} classes; "
            "name the data set that the features belong to."
        )
    counts = np.bincount(owners, minlength=classes)
    if not counts.all():
        raise InputError(f"class {counts.argmin()} has no image among the features; name a subset with all classes.")
    class_rows = np.split(np.argsort(owners, kind="stable"), np.cumsum(counts)[:-1])
    means = np.empty((classes, vectors.shape[1]))
    variances = np.full_like(means, np.nan)
    for number, rows in enumerate(class_rows):
        own = vectors[rows].astype(np.float64)
        means[number] = own.mean(axis=0)
        if len(own) > 1:
            variances[number] = own.var(axis=0, ddof=1)
    return _cosines(means), _cosines(variances)


def _cosines(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(lengths > 0, lengths, np.nan)
    return np.clip(units @ units.T, -1.0, 1.0)


def similarity_heatmaps(
    means: npt.ArrayLike, variances: npt.ArrayLike, names: Sequence[str], head: int | Sequence[int], title: str
) -> "Figure":
    """Heat maps of both cosines side by side, head classes marked; NaN cells stay blank.

    `head` lists the head classes, or is their number if they are the first. A blue rectangle in the row of each tail
    class marks the head class most similar to it. Up to 20 classes have a number in every cell; with more than 60,
    the axes have class numbers instead of names.
    Raises InputError for a matrix that is not [K, K], and for head classes that do not exist.
    Source: LADC, figure 1.
    """
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    matrices = [np.asarray(matrix, dtype=np.float64) for matrix in (means, variances)]
    classes = len(names)
    for matrix in matrices:
        if matrix.shape != (classes, classes):
            raise InputError(
                f"similarities of {classes} classes must be [{classes}, {classes}], but one is {list(matrix.shape)}; "
                "compute them for the classes named."
            )
    heads = list(range(head)) if isinstance(head, int) else sorted(head)
    if not heads or not set(heads) <= set(range(classes)):
        raise InputError(
            f"the head classes {heads} must be one or more of 0..{classes - 1}; correct the figure's head."
        )
    everything = np.concatenate([matrix.ravel() for matrix in matrices])
    # The colours start at the tenth below the smallest cosine of both panels.
    lowest = np.floor(10 * np.nanmin(everything)) / 10 if np.isfinite(everything).any() else 0.0
    scale = Normalize(min(lowest, 0.9), 1.0)

    names = style.shortened(names, 30)
    if classes <= 12:
        cell = max(0.31, 1.6 / classes)  # the titles need the width
    else:
        cell = 0.26 if classes <= ANNOTATED else 0.11 if classes <= NAMED else 4 / classes
    side, label = cell * classes, 0.06 * max(map(room, names)) if classes <= NAMED else 0.35
    width, key = 2 * side + label + 1.2, _key(matrices, heads)
    in_one_line = width > 2.3 * len(key)
    foot = 0.3 if in_one_line else 0.13 + 0.17 * len(key)
    heading = style.broken(title, width)
    height = 0.55 + 0.17 * heading.count("\n") + side + label + foot + 0.1
    engine = ConstrainedLayoutEngine(rect=(0, foot / height, 1, 1 - foot / height), compress=True)
    with style.theme():
        figure = Figure(figsize=(width, height), layout=engine)
        figure.suptitle(heading)
        left, right = figure.subplots(1, 2, sharey=True)
        mesh = _heatmap(left, matrices[0], heads, scale, "(a) Class means")
        _heatmap(right, matrices[1], heads, scale, "(b) Class variances")
        _name_axes(left, right, names, heads)
        figure.colorbar(mesh, cax=right.inset_axes((1.04, 0, 0.045, 1)), label="Cosine similarity")
        # Anchored in figure coordinates: a figure that grows by a footnote leaves it in place.
        figure.legend(
            handles=key,
            loc="lower center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=3 if in_one_line else 1,
            borderaxespad=0.3,
        )
    return figure


def _heatmap(ax: "Axes", matrix: Floats, heads: list[int], scale: "Normalize", title: str) -> "QuadMesh":
    """One matrix, row 0 on top; a cell of class i (row) and class j (column) spans j..j+1 and i..i+1."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    classes = len(matrix)
    annotated = classes <= ANNOTATED
    mesh = ax.pcolormesh(
        matrix,
        cmap="YlOrBr",
        norm=scale,
        edgecolors="white" if annotated else "none",
        linewidth=0.6 if annotated else 0,
        rasterized=not annotated,  # thousands of cells would make the SVG large
    )
    ax.set(title=title, xlim=(0, classes), ylim=(classes, 0), aspect="equal")
    ax.grid(False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if annotated:
        for row, column in np.argwhere(np.isfinite(matrix)):
            value = matrix[row, column]
            red, green, blue, _ = mesh.cmap(scale(value))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.47
            ink, size = "white" if dark else style.INK, 6.4 if classes <= 12 else 5.6
            ax.text(column + 0.5, row + 0.5, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=size)
    if _are_first(heads) and len(heads) < classes:
        for draw in (ax.axhline, ax.axvline):
            draw(len(heads), color=_DIVIDER, linewidth=0.9)
    width = 1.6 if annotated else 0.8
    for row in sorted(set(range(classes)) - set(heads)):
        similar = matrix[row, heads]
        if np.isfinite(similar).any():
            column = heads[int(np.nanargmax(similar))]
            frame = Rectangle(
                (column, row), 1, 1, fill=False, edgecolor=_BLUE, linewidth=width, zorder=4, clip_on=False
            )
            if annotated:
                frame.set_path_effects([withStroke(linewidth=width + 1.4, foreground="white")])
            ax.add_patch(frame)
    return mesh


def _are_first(heads: list[int]) -> bool:
    return heads == list(range(len(heads)))


def _name_axes(left: "Axes", right: "Axes", names: Sequence[str], heads: list[int]) -> None:
    step = 1 if len(names) <= NAMED else 10
    places = range(0, len(names), step)
    texts = list(names) if len(names) <= NAMED else [str(place) for place in places]
    rotation = 90 if step == 1 and max(map(room, names)) > 3 else 0
    size = "x-small" if ANNOTATED < len(names) <= NAMED else None
    middles = [place + 0.5 for place in places]
    left.set_yticks(middles, texts, fontsize=size)
    for ax in (left, right):
        ax.set_xticks(middles, texts, fontsize=size, rotation=rotation)
        for number, tick in zip(places, ax.get_xticklabels(), strict=True):
            tick.set_fontweight("bold" if number in heads else "normal")
        if step > 1:
            ax.set_xlabel("Class, in data set order")
    for number, tick in zip(places, left.get_yticklabels(), strict=True):
        tick.set_fontweight("bold" if number in heads else "normal")
    right.tick_params(labelleft=False)


def _key(matrices: list[Floats], heads: list[int]) -> "list[Patch | Line2D]":
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    classes = len(matrices[0])
    key: list[Patch | Line2D] = []
    if len(heads) < classes:
        text = "Head class most similar to the tail class of the row"
        key.append(Patch(facecolor="none", edgecolor=_BLUE, linewidth=1.6, label=text))
        if _are_first(heads):
            key.append(Line2D([], [], color=_DIVIDER, linewidth=0.9, label="Head classes (bold) | tail classes"))
    if not np.isfinite(matrices[1]).all():
        key.append(Patch(facecolor="white", edgecolor=style.FAINT, linewidth=0.6, label="Blank: no variance"))
    return key
