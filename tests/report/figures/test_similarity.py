from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.metrics.pairwise import cosine_similarity

from longtail.report import style
from longtail.report.figures import similarity
from longtail.runtime.errors import InputError

# Class 0 has mean (2, 0) and variances (2, 0), class 1 (1, 2) and (0, 2), class 2 the single vector (2, 2).
FEATURES = [[3.0, 0.0], [1.0, 1.0], [2.0, 2.0], [1.0, 0.0], [1.0, 3.0]]
LABELS = [0, 1, 2, 0, 1]
MEANS = [[1.0, 5**-0.5, 2**-0.5], [5**-0.5, 1.0, 3 * 10**-0.5], [2**-0.5, 3 * 10**-0.5, 1.0]]
VARIANCES = [[1.0, 0.0, np.nan], [0.0, 1.0, np.nan], [np.nan] * 3]
NAMES = ["cat", "automobile", "dog"]


def grid(classes: int) -> np.ndarray:
    """Cosines of `classes` directions in a quarter circle."""
    angles = np.linspace(0, np.pi / 2, classes)
    return np.cos(angles[:, None] - angles)


def heatmaps(
    means: Any = MEANS, variances: Any = VARIANCES, names: list[str] = NAMES, head: Any = 2
) -> tuple[Figure, Any, Any]:
    """The figure and its two heat maps (Any: matplotlib's stubs do not know what was put into the axes)."""
    figure = similarity.similarity_heatmaps(means, variances, names, head, "toys")
    return figure, figure.axes[0], figure.axes[1]


def cells(ax: Any) -> Any:
    (mesh,) = [child for child in ax.get_children() if isinstance(child, QuadMesh)]
    return mesh


def frames(ax: Any) -> list[tuple[float, float]]:
    """Row and column of every rectangle."""
    return [(patch.get_y(), patch.get_x()) for patch in ax.patches]


def assert_nothing_is_cut_off_or_covered(figure: Figure) -> None:
    with style.theme():
        figure.draw_without_rendering()
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        axes: list[Any] = list(figure.axes)
        labels = [figure.legends[0], *figure.texts, axes[0].title, axes[1].title, axes[1].child_axes[0].yaxis.label]
        labels += [*axes[0].get_yticklabels(), *axes[0].get_xticklabels(), *axes[1].get_xticklabels()]
        extents = [label.get_window_extent() for label in labels if label.get_visible()]
    assert min(drawn.x0, drawn.y0) >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height
    for one, other in combinations([extent for extent in extents if extent.width > 0], 2):
        assert not one.overlaps(other)


def test_cosines_by_hand() -> None:
    means, variances = similarity.class_similarities(np.array(FEATURES, np.float32), LABELS, 3)
    assert means.dtype == variances.dtype == np.float64
    np.testing.assert_allclose(means, MEANS, rtol=1e-12)
    np.testing.assert_allclose(variances, VARIANCES, rtol=1e-12, atol=1e-15)


def test_cosines_of_digits_are_those_of_scikit_learn() -> None:
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))[:400]
    found = similarity.class_similarities(images[order], labels[order], 10)
    classes = [images[order][labels[order] == number] for number in range(10)]
    np.testing.assert_allclose(found[0], cosine_similarity([own.mean(0) for own in classes]))
    np.testing.assert_allclose(found[1], cosine_similarity([own.var(0, ddof=1) for own in classes]))


def test_variances_of_equal_images_have_no_direction() -> None:
    _, variances = similarity.class_similarities([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0], [0.0, 3.0]], [0, 0, 1, 1], 2)
    np.testing.assert_array_equal(variances, [[np.nan, np.nan], [np.nan, 1.0]])


def test_cells_hold_two_decimals_and_blank_ones_nothing() -> None:
    figure, means, variances = heatmaps()
    assert_nothing_is_cut_off_or_covered(figure)
    assert [text.get_text() for text in means.texts] == [f"{cosine:.2f}" for row in MEANS for cosine in row]
    assert [(t.get_text(), *t.get_position()) for t in variances.texts] == [
        ("1.00", 0.5, 0.5),
        ("0.00", 1.5, 0.5),
        ("0.00", 0.5, 1.5),
        ("1.00", 1.5, 1.5),
    ]
    assert means.get_ylim() == (3, 0)  # row 0 on top
    np.testing.assert_array_equal(np.ma.getmaskarray(cells(variances).get_array()), np.isnan(VARIANCES))
    assert "Blank: no variance" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_numbers_are_readable_on_every_cell() -> None:
    _, means, _ = heatmaps(grid(20), grid(20), [f"class {i}" for i in range(20)], 5)
    mesh = cells(means)
    linear = np.array([0.2126, 0.7152, 0.0722])

    def luminance(rgb: Any) -> float:
        channels = np.array(rgb[:3])
        return float(linear @ np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4))

    for text in means.texts:
        column, row = (int(place) for place in text.get_position())
        cell = luminance(mesh.cmap(mesh.norm(grid(20)[row, column])))
        ink = luminance((1, 1, 1)) if text.get_color() == "white" else luminance((0x26 / 255,) * 3)
        bright, dark = max(cell, ink), min(cell, ink)
        assert (bright + 0.05) / (dark + 0.05) > 3


def test_both_panels_share_their_colours() -> None:
    _, means, variances = heatmaps()
    scales = [(cells(ax).norm.vmin, cells(ax).norm.vmax) for ax in (means, variances)]
    assert scales == [(0.0, 1.0)] * 2
    assert variances.child_axes[0].get_ylabel() == "Cosine similarity"


def test_the_head_class_most_similar_to_each_tail_class_is_framed() -> None:
    _, means, variances = heatmaps()
    assert frames(means) == [(2, 1)]  # 0.95 with the automobile, 0.71 with the cat
    assert frames(variances) == []
    assert same_color(means.patches[0].get_edgecolor(), "#0b5cd6")
    _, means, _ = heatmaps(head=[2])
    assert frames(means) == [(0, 2), (1, 2)]


def test_head_classes_are_bold_and_divided_where_they_come_first() -> None:
    figure, means, variances = heatmaps()
    for ax in (means, variances):
        assert [tick.get_fontweight() for tick in ax.get_xticklabels()] == ["bold", "bold", "normal"]
        assert [list(line.get_data()[axis]) for axis, line in ((1, ax.lines[0]), (0, ax.lines[1]))] == [[2, 2]] * 2
    assert [tick.get_text() for tick in means.get_yticklabels()] == NAMES
    assert [tick.get_fontweight() for tick in means.get_yticklabels()] == ["bold", "bold", "normal"]
    assert len(figure.legends[0].get_texts()) == 3
    figure, means, _ = heatmaps(head=[0, 2])
    assert [tick.get_fontweight() for tick in means.get_xticklabels()] == ["bold", "normal", "bold"]
    assert not means.lines


@pytest.mark.parametrize(("classes", "annotated", "named"), [(20, True, True), (21, False, True), (61, False, False)])
def test_many_classes_lose_their_numbers_and_then_their_names(classes: int, annotated: bool, named: bool) -> None:
    names = [f"some class {i}" for i in range(classes)]
    figure, means, _ = heatmaps(grid(classes), grid(classes), names, 5)
    assert_nothing_is_cut_off_or_covered(figure)
    assert len(means.texts) == (classes**2 if annotated else 0)
    assert bool(cells(means).get_rasterized()) == (not annotated)
    texts = [tick.get_text() for tick in means.get_yticklabels()]
    assert texts == (names if named else ["0", "10", "20", "30", "40", "50", "60"])
    assert len(frames(means)) == classes - 5


def test_unusable_input_is_named() -> None:
    with pytest.raises(InputError, match=r"\[5, 2\] and \[4\]"):
        similarity.class_similarities(FEATURES, LABELS[:4], 3)
    with pytest.raises(InputError, match="from 0 to 2, but there are 2 classes"):
        similarity.class_similarities(FEATURES, LABELS, 2)
    with pytest.raises(InputError, match="class 3 has no image"):
        similarity.class_similarities(FEATURES, LABELS, 4)
    with pytest.raises(InputError, match=r"must be \[2, 2\], but one is \[3, 3\]"):
        heatmaps(names=NAMES[:2])
    for head in (0, 4, [3], []):
        with pytest.raises(InputError, match=r"one or more of 0\.\.2"):
            heatmaps(head=head)


def test_same_input_same_bytes(tmp_path: Path) -> None:
    for classes in (3, 61):
        for copy in "ab":
            names = [f"class {i}" for i in range(classes)]
            figure = similarity.similarity_heatmaps(grid(classes), grid(classes), names, 2, "toys")
            style.save(figure, tmp_path / f"{classes}{copy}.svg", tmp_path / f"{classes}{copy}.png", "small print")
        for kind in ("svg", "png"):
            first, second = (tmp_path / f"{classes}{copy}.{kind}" for copy in "ab")
            assert first.read_bytes() == second.read_bytes()
