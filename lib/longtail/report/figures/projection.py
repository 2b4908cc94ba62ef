"""Features projected to the plane: of the training set, as Stage 2 draws it, and of the test set (LADC, figure 3)."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from longtail.report import style
from longtail.report.subjects import Configuration, Methods
from longtail.runtime import files, npz
from longtail.runtime.errors import InputError
from longtail.runtime.letters import room

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETS = ("train", "drawn", "test")
# The arrays of a projection file: points and labels of each set.
ARRAYS = [name for of in SETS for name in (of, f"{of}_labels")]
_MARKERS = "o^s"
# Ten colours, the strongest first. Any two differ by more than 0.09 in OKLab, also for readers who lack one kind of
# cones (in the simulation of Machado et al. 2009); the test computes it.
COLOURS = (
    *("#bd1f01", "#4477aa", "#832db6", "#ccbb44", "#222222"),
    *("#44aa99", "#882255", "#66ccee", "#332288", "#999933"),
)

CATEGORY = "Features"
MESSAGE = "Projected features: {figure}"
CAPTION = (
    "Features in two dimensions by a linear layer that learns, balanced over the classes, on the training set: that "
    "set, one epoch as Stage 2 draws it, and the test set, under the first seed."
)
FIRST_SEED = True
SETTINGS = {
    "method": {"type": "string", "description": "a two-stage method with a generator whose draws are shown"},
}


def methods(definition: dict[str, Any], config: Configuration) -> list[dict[str, Any]]:
    """The one method; raises InputError if it does not learn on cached features."""
    name = definition["method"]
    if not config.learns_on_cached_features(name):
        raise InputError(
            f"{config.where}, key 'method': '{name}' does not learn on cached features, which a projection shows: "
            "name a method whose stage2 has augment: false, mixing: null and batch_norm: frozen"
        )
    return [{"method": name}]


def inputs(subject: Methods) -> dict[str, Any]:
    """The projected features, and names of the classes."""
    return {"projection": subject.runs[0].projection, "classes": subject.classes}


def layout(subject: Methods) -> dict[str, Any]:
    """The label of the method."""
    return {"method": subject.methods[0].label}


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """The three panels."""
    names = files.read_json(paths["classes"], "names")["names"]
    points = npz.load(paths["projection"], ARRAYS, "projection")
    return projection(panels(points, layout["method"]), names, layout["title"])


def panels(
    stored: Mapping[str, npt.NDArray[Any]], method: str
) -> list[tuple[str, npt.NDArray[Any], npt.NDArray[Any]]]:
    """The panels of `projection`, in the paper's order, from the arrays of a projection file."""
    titles = ("(a) Training set", f"(b) As {method} draws it", "(c) Test set")
    return [(title, stored[of], stored[f"{of}_labels"]) for title, of in zip(titles, SETS, strict=True)]


def projection(
    panels: Sequence[tuple[str, npt.ArrayLike, npt.ArrayLike]], names: Sequence[str], title: str
) -> "Figure":
    """Scatter plots side by side on the same axes: `panels` holds (title, points [n, 2], labels [n] in 0..K-1).

    A class has the same colour in all panels, and the classes with the fewest points in the first panel (the training
    set) are drawn on top. The SVG contains the points as an image.
    Raises InputError for no panel, shapes that do not match, labels without a name, points that are not finite, and
    more than 30 classes, which could not be distinguished. Source: LADC, figure 3.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.lines import Line2D

    if not panels:
        raise InputError(f"the projection {title!r} has no panel; name at least one set.")
    colours = COLOURS
    if len(names) > len(colours) * len(_MARKERS):
        raise InputError(
            f"the projection {title!r} has {len(names)} classes, but at most {len(colours) * len(_MARKERS)} can be "
            "told apart; draw it for a data set with fewer."
        )
    drawn = [_points(name, points, labels, len(names)) for name, points, labels in panels]
    together = np.concatenate([points for points, _ in drawn])
    low, high = (together.min(axis=0), together.max(axis=0)) if len(together) else (np.zeros(2), np.ones(2))
    middle, half = (low + high) / 2, 0.52 * (max(high - low) or 1.0)
    (left, bottom), (right, top) = middle - half, middle + half  # square: both axes have the same scale
    size = np.bincount(drawn[0][1], minlength=len(names))
    rarest_first = sorted(range(len(names)), key=lambda number: (size[number], -number))
    # The few points of a rare class get the strongest colours.
    looks: dict[int, dict[str, Any]] = {
        number: {"color": colours[rank % len(colours)], "marker": _MARKERS[rank // len(colours)]}
        for rank, number in enumerate(rarest_first)
    }

    width = 2.35 * len(panels) + 0.45
    names = style.shortened(names, 30)
    key = max(1, min(len(names), int(11.5 * width) // (max(map(room, names), default=0) + 5)))
    foot = 0.2 + 0.17 * ceil(len(names) / key)
    heading, sets = style.broken(title, width), [style.fitted(name, 13.5 * 2.2) for name, _, _ in panels]
    height = 0.68 + 0.17 * heading.count("\n") + 0.15 * max(name.count("\n") for name in sets) + 2.35 + foot
    engine = ConstrainedLayoutEngine(rect=(0, foot / height, 1, 1 - foot / height))
    with style.theme():
        figure = Figure(figsize=(width, height), layout=engine)
        figure.suptitle(heading)
        grid = figure.subplots(1, len(panels), squeeze=False, sharex=True, sharey=True)[0]
        for ax, name, (points, labels) in zip(grid, sets, drawn, strict=True):
            for number in reversed(rarest_first):
                own = points[labels == number]
                ax.scatter(
                    *own.T,
                    s=4,
                    **looks[number],
                    alpha=0.6,
                    linewidth=0,
                    rasterized=True,
                    label=names[number],
                )
            ax.set(title=name, xlim=(left, right), ylim=(bottom, top), box_aspect=1, xlabel="First dimension")
        grid[0].set_ylabel("Second dimension")
        handles = [
            Line2D([], [], linestyle="", markersize=4.5, label=name, **looks[number])
            for number, name in enumerate(names)
        ]
        # Anchored in figure coordinates: a figure that grows by a footnote leaves it in place.
        figure.legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=key,
            borderaxespad=0.3,
            handletextpad=0.1,
            columnspacing=1.2,
        )
    return figure


def _points(
    title: str, points: npt.ArrayLike, labels: npt.ArrayLike, classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    places, owners = np.asarray(points, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if places.ndim != 2 or places.shape[1:] != (2,) or owners.shape != places.shape[:1]:
        raise InputError(
            f"panel {title!r} needs points [n, 2] and labels [n], but has {list(places.shape)} and "
            f"{list(owners.shape)}; project the features again."
        )
    if not np.isfinite(places).all():
        raise InputError(f"panel {title!r} has points that are not finite; project the features again.")
    if owners.size and not 0 <= owners.min() <= owners.max() < classes:
        raise InputError(
            f"panel {title!r} has labels {owners.min()} to {owners.max()}, but {classes} classes have a name; "
            "name all classes of the data set."
        )
    return places, owners
