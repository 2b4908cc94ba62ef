from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import same_color, to_rgb
from matplotlib.figure import Figure

from longtail.report import style
from longtail.report.figures import projection
from longtail.runtime.errors import InputError

NAMES = ["airplane", "automobile", "bird"]
TRAIN = (
    "(a) Training set",
    [[0.0, 0.0], [1.0, 0.0], [2.0, 1.0], [1.0, 1.0], [0.0, 2.0], [3.0, 1.0]],
    [0, 0, 2, 1, 0, 2],
)
TEST = ("(c) Test set", [[-1.0, 0.0], [1.0, 5.0]], [1, 2])


def axes(figure: Figure) -> list[Any]:
    """Any: matplotlib's stubs do not know what was put into the axes."""
    return figure.axes


def drawn(ax: Any) -> dict[str, np.ndarray]:
    """Points by class, bottom first."""
    return {points.get_label(): points.get_offsets().tolist() for points in ax.collections}


def many(classes: int) -> Figure:
    angles = np.arange(classes)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    panels = [(f"({letter}) panel", points, angles) for letter in "abc"]
    return projection.projection(panels, [f"some class {i}" for i in range(classes)], "many classes")


def assert_nothing_is_cut_off_or_covered(figure: Figure) -> None:
    with style.theme():
        figure.draw_without_rendering()
        extent, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        labels = [figure.legends[0], *figure.texts, *(ax.title for ax in axes(figure)), axes(figure)[0].yaxis.label]
        labels += [ax.xaxis.label for ax in axes(figure)]
        extents = [label.get_window_extent() for label in labels]
    assert min(extent.x0, extent.y0) >= 0
    assert extent.x1 <= width
    assert extent.y1 <= height
    for one, other in combinations(extents, 2):
        assert not one.overlaps(other)


def test_every_point_is_drawn_rare_classes_on_top() -> None:
    figure = projection.projection([TRAIN, TEST], NAMES, "three classes")
    assert_nothing_is_cut_off_or_covered(figure)
    train, test = axes(figure)
    assert [train.get_title(), test.get_title()] == ["(a) Training set", "(c) Test set"]
    assert drawn(train) == {
        "airplane": [[0, 0], [1, 0], [0, 2]],
        "bird": [[2, 1], [3, 1]],
        "automobile": [[1, 1]],
    }
    assert list(drawn(train)) == ["airplane", "bird", "automobile"]
    assert drawn(test) == {"airplane": [], "bird": [[1, 5]], "automobile": [[-1, 0]]}
    assert list(drawn(test)) == list(drawn(train))


def test_panels_share_square_limits_around_all_points() -> None:
    for ax in axes(projection.projection([TRAIN, TEST], NAMES, "")):
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
        assert (left + right) / 2 == pytest.approx(1.0)  # of -1 and 3
        assert (bottom + top) / 2 == pytest.approx(2.5)  # of 0 and 5
        assert right - left == pytest.approx(top - bottom)
        assert top - bottom == pytest.approx(1.04 * 5)
        assert ax.get_box_aspect() == 1


def test_a_class_looks_the_same_in_all_panels_and_in_the_legend() -> None:
    figure = projection.projection([TRAIN, TEST], NAMES, "")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == NAMES
    of_class = dict(zip(NAMES, legend.legend_handles, strict=True))
    for ax in axes(figure):
        for points in ax.collections:
            handle: Any = of_class[points.get_label()]
            assert same_color(points.get_facecolor()[0][:3], handle.get_color())
            assert points.get_rasterized()


@pytest.mark.parametrize("classes", [10, 30])
def test_no_two_classes_look_the_same(classes: int) -> None:
    figure = many(classes)
    assert_nothing_is_cut_off_or_covered(figure)
    handles: list[Any] = figure.legends[0].legend_handles
    assert len({(handle.get_color(), handle.get_marker()) for handle in handles}) == classes
    assert len({handle.get_marker() for handle in handles}) == classes // 10


# What readers see who lack the cones for red, green or blue, in linear RGB: Machado et al. 2009, table 1, severity 1.
LACKING = {
    "none": np.eye(3),
    "red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "blue": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
# From linear RGB to cones, and from their cube roots to OKLab (Ottosson 2020), where 0.02 is just noticeable.
TO_CONES = np.array(
    [[0.41222147, 0.53633254, 0.05144599], [0.2119035, 0.68069955, 0.10739696], [0.08830246, 0.28171884, 0.6299787]]
)
TO_LAB = np.array(
    [
        [0.21045426, 0.79361779, -0.00407205],
        [1.9779985, -2.42859221, 0.45059371],
        [0.02590404, 0.78277177, -0.80867577],
    ]
)


@pytest.mark.parametrize("lacking", LACKING)
def test_colours_can_be_told_apart_by_all_readers(lacking: str) -> None:
    channels = np.array([to_rgb(colour) for colour in (*projection.COLOURS, "white")])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ LACKING[lacking].T, 0, 1)
    lab = np.cbrt(seen @ TO_CONES.T) @ TO_LAB.T
    assert min(np.linalg.norm(one - other) for one, other in combinations(lab, 2)) > 0.09


def test_points_on_one_spot_and_sets_without_points_are_drawn() -> None:
    same = projection.projection([("one", [[2.0, 2.0]] * 3, [0, 1, 2])], NAMES, "")
    assert axes(same)[0].get_xlim() == pytest.approx((1.48, 2.52))
    nothing = projection.projection([("none", np.empty((0, 2)), [])], NAMES, "")
    assert axes(nothing)[0].get_xlim() == pytest.approx((-0.02, 1.02))


def test_unusable_input_is_named() -> None:
    with pytest.raises(InputError, match="'empty' has no panel"):
        projection.projection([], NAMES, "empty")
    with pytest.raises(InputError, match="has 31 classes, but at most 30"):
        many(31)
    with pytest.raises(InputError, match=r"'flat' needs points .* \[3\] and \[3\]"):
        projection.projection([("flat", [1.0, 2.0, 3.0], [0, 1, 2])], NAMES, "")
    with pytest.raises(InputError, match=r"has \[6, 2\] and \[2\]"):
        projection.projection([(*TRAIN[:2], [0, 1])], NAMES, "")
    with pytest.raises(InputError, match="'lost' has points that are not finite"):
        projection.projection([("lost", [[np.nan, 1.0]], [0])], NAMES, "")
    with pytest.raises(InputError, match="labels 0 to 2, but 2 classes have a name"):
        projection.projection([TRAIN], NAMES[:2], "")


def test_same_input_same_small_bytes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    points, labels = random.normal(size=(20_000, 2)), random.integers(3, size=20_000)
    for copy in "ab":
        figure = projection.projection([("(a) Training set", points, labels)], NAMES, "many points")
        style.save(figure, tmp_path / f"{copy}.svg", tmp_path / f"{copy}.png", "small print")
    for kind in ("svg", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    assert (tmp_path / "a.svg").stat().st_size < 300_000  # ten times as many bytes if each point stood in it
