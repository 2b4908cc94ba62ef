from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from longtail.report import style
from longtail.report.figures import probabilities
from longtail.report.figures.probabilities import Half
from longtail.runtime.errors import InputError

COUNTS = [200, 101, 100, 20, 19]  # many: 0 and 1; medium: 2 and 3; few: 4
GROUPS = {"many": np.array([0.9, 0.8, 0.4]), "medium": np.array([0.5, 0.1]), "few": np.array([0.0, 0.2, 0.1])}
CRT = Half("cRT+mixup", GROUPS)
MISLAS = Half("MiSLAS", {name: values / 2 for name, values in GROUPS.items()})
# ln 3 : 0 are odds of 3 : 1.
LOGITS = np.array([[np.log(3), 0.0], [np.log(3), 0.0], [5.0, 5.0]], np.float32)
LABELS = np.array([0, 1, 1])


def axes(figure: Figure) -> list[Any]:
    """Any: matplotlib's stubs do not know what was put into the axes."""
    return [ax for ax in figure.axes if ax.get_visible()]


def draw(*panels: tuple[Half, Half], counts: list[int] = COUNTS, title: str = "Toys") -> Figure:
    return probabilities.probabilities(panels or [(CRT, MISLAS)], counts, title)


def names(ax: Any) -> list[str]:
    return [tick.get_text() for tick in ax.get_xticklabels()]


def given(label: str, *logits: str, calibration: str | None = None) -> dict[str, Any]:
    return {"label": label, "calibration": calibration, "logits": list(logits)}


def assert_nothing_is_cut_off_or_covered(figure: Figure) -> None:
    with style.theme():
        figure.draw_without_rendering()
        figure.draw_without_rendering()
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        labels = [figure.legends[0], *figure.texts]
        for ax in axes(figure):
            labels += [ax.get_legend(), ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.texts]
        extents = [label.get_window_extent() for label in labels]
    assert min(drawn.x0, drawn.y0) >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height
    for one, other in combinations([extent for extent in extents if extent.width > 0], 2):
        assert not one.overlaps(other)


@pytest.mark.parametrize(
    ("name", "arrays"),
    [
        ("logits.npz", {"last": LOGITS, "best": -LOGITS, "labels": LABELS}),
        ("features.npz", {"test_logits": LOGITS, "best_test_logits": -LOGITS, "test_labels": LABELS}),
    ],
)
def test_probabilities_of_the_true_class_by_hand(tmp_path: Path, name: str, arrays: dict[str, Any]) -> None:
    np.savez(tmp_path / name, **arrays)

    found, labels = probabilities.of_true_class(tmp_path / name)

    np.testing.assert_allclose(found, [0.75, 0.25, 0.5], rtol=1e-6)
    assert labels.tolist() == LABELS.tolist()


def test_a_file_that_is_cut_short_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "logits.npz"
    np.savez(path, last=LOGITS, best=LOGITS, labels=LABELS)
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(InputError, match=r"logits\.npz is not a whole logits file .* delete it and run again"):
        probabilities.of_true_class(path)


def test_images_of_all_runs_are_put_together_by_the_training_images_of_their_class() -> None:
    first = (np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([0, 1, 2, 3, 4]))
    second = (np.array([0.6, 0.7, 0.8]), np.array([4, 1, 2]))

    found = probabilities.by_group([first, second], COUNTS)

    assert {name: values.tolist() for name, values in found.items()} == {
        "many": [0.1, 0.2, 0.7],
        "medium": [0.3, 0.4, 0.8],
        "few": [0.5, 0.6],
    }


def test_panels_take_their_runs_by_path_however_many_each_side_has() -> None:
    runs = {name: (np.array([value]), np.array([4])) for name, value in (("a", 0.1), ("b", 0.2), ("c", 0.3))}
    left, right = given("LDAM", "a", "b", calibration="the scale is 30"), given("MiSLAS", "c")
    layout = {"panels": [[left, right], [left, given("cRT", "a")]], "source": "slide 8", "seeds": [0, 1]}

    panels = probabilities.with_values(layout, runs, COUNTS)

    assert [[half.label for half in panel] for panel in panels] == [["LDAM†", "MiSLAS"], ["LDAM†", "cRT"]]
    assert [half.groups["few"].tolist() for half in panels[0]] == [[0.1, 0.2], [0.3]]
    foot = "† LDAM: the scale is 30. After slide 8. n = 1 to 2 runs a method (seeds 0, 1), last epoch."
    assert probabilities.small_print(layout, []).startswith(foot)


def test_density_is_that_of_its_kernel_and_loses_nothing_at_the_ends() -> None:
    at = np.linspace(0, 1, 2001)
    peak = 1 / (probabilities.BANDWIDTH * np.sqrt(2 * np.pi))

    inside = probabilities.density(np.array([0.5]), at)
    assert inside.max() == pytest.approx(peak, rel=1e-3)
    assert at[inside.argmax()] == pytest.approx(0.5, abs=1e-3)
    for value, end in ((0.0, 0), (1.0, -1)):
        assert probabilities.density(np.array([value]), at)[end] == pytest.approx(2 * peak, rel=1e-3)
    for values in ([0.0], [0.01, 0.99], [0.3, 1.0, 1.0]):
        assert np.trapezoid(probabilities.density(np.array(values), at), at) == pytest.approx(1, abs=1e-3)


def test_halves_stand_left_and_right_in_the_colours_of_their_methods() -> None:
    figure = draw()
    assert_nothing_is_cut_off_or_covered(figure)
    (ax,) = axes(figure)
    looks = style.looks([CRT.label, MISLAS.label])

    assert len(ax.collections) == 6
    for number, half in enumerate(ax.collections):
        place, right = divmod(number, 2)
        box, method, (values, *_) = half.get_datalim(ax.transData), (CRT, MISLAS)[right], half.get_paths()
        own = list(method.groups.values())[place]
        assert (box.x0, box.x1)[1 - right] == pytest.approx(place, abs=0.02)
        assert values.get_extents().y0 == pytest.approx(own.min())
        assert values.get_extents().y1 == pytest.approx(own.max())
        assert same_color(half.get_edgecolor()[0], looks[method.label].color)
        assert (half.get_hatch() is not None) == bool(right)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cRT+mixup", "MiSLAS"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Median", "Quartiles", "Mean"]


def test_every_half_is_as_wide_at_its_widest() -> None:
    (ax,) = axes(draw())
    widths = [half.get_datalim(ax.transData).width for half in ax.collections]
    assert widths == pytest.approx([widths[0]] * 6)


def test_quartiles_stand_within_and_means_below() -> None:
    (ax,) = axes(draw())
    levels = [line.get_ydata()[0] for line in ax.lines]
    assert levels[:6] == pytest.approx([0.6, 0.8, 0.85, 0.3, 0.4, 0.425])
    assert [line.get_linestyle() for line in ax.lines[:3]] == ["--", "-", "--"]
    assert [text.get_text() for text in ax.texts] == ["0.70", "0.35", "0.30", "0.15", "0.10", "0.05"]


def test_groups_are_named_with_their_thresholds_and_classes() -> None:
    (ax,) = axes(draw())
    assert names(ax) == ["Many (> 100)\n2 classes", "Medium (20–100)\n2 classes", "Few (< 20)\n1 class"]
    assert (ax.get_ylim(), ax.get_ylabel()) == ((0, 1), "Probability of the true class")


def test_an_empty_group_keeps_its_name_and_has_no_violin() -> None:
    halves = [Half(half.label, {**half.groups, "few": np.array([])}) for half in (CRT, MISLAS)]
    (ax,) = axes(draw((halves[0], halves[1]), counts=COUNTS[:4]))
    assert names(ax)[2] == "Few (< 20)\nno classes"
    assert len(ax.collections) == 4
    assert len(ax.texts) == 4


@pytest.mark.parametrize(("number", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 1, 3), (5, 2, 3)])
def test_panels_stand_at_most_three_in_a_row(number: int, rows: int, columns: int) -> None:
    long = CRT._replace(label="CE under LADC's recipe (control)†")
    figure = draw(*[(CRT, MISLAS), (long, MISLAS), (MISLAS, CRT), (CRT, CRT), (CRT, MISLAS)][:number])
    assert_nothing_is_cut_off_or_covered(figure)
    panels = axes(figure)
    grid = panels[0].get_subplotspec().get_gridspec()
    assert (len(panels), grid.nrows, grid.ncols) == (number, rows, columns)


def test_a_long_title_is_broken() -> None:
    figure = draw(title="Probability of the true class on a data set with a rather long name, factor 100")
    assert_nothing_is_cut_off_or_covered(figure)
    assert "\n" in figure.get_suptitle()


def test_images_that_are_all_alike_have_a_violin_too() -> None:
    certain = Half("MiSLAS", dict.fromkeys(GROUPS, np.array([1.0])))
    assert_nothing_is_cut_off_or_covered(draw((CRT, certain)))


def test_a_figure_without_panels_is_refused() -> None:
    with pytest.raises(InputError, match="'Toys' has no panel; name two methods"):
        probabilities.probabilities([], COUNTS, "Toys")


def test_same_input_same_bytes(tmp_path: Path) -> None:
    for copy in "ab":
        style.save(draw(), tmp_path / f"{copy}.svg", tmp_path / f"{copy}.png", "small print")
    for kind in ("svg", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
