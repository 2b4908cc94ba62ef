import copy
import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from longtail.evaluate.score import score as evaluate
from longtail.report import style
from longtail.report.figures import _diagrams, comparison
from longtail.runtime.errors import InputError

# Four bins by hand: under-confident, empty, over-confident by .2 and by .05.
SCORE: dict[str, Any] = {
    "top1": 0.69,
    "ece": 0.1,
    "signed_gap": 0.08,
    "bins": {
        "edges": [0.0, 0.25, 0.5, 0.75, 1.0],
        "count": [10, 0, 30, 60],
        "accuracy": [0.3, None, 0.4, 0.9],
        "confidence": [0.2, None, 0.6, 0.95],
    },
}
SEVEN = [
    (label, {**SCORE, "top1": 0.5 + 0.01 * i, "ece": 0.234 - 0.03 * i, "signed_gap": 0.09 - 0.03 * i})
    for i, label in enumerate(["CE", "mixup", "cRT", "LWS", "cRT+mixup", "LWS+mixup", "MiSLAS"])
]


def bars(ax: Axes, label: str) -> np.ndarray:
    """Centre, bottom, height, width of the bars with this label, one row a bar."""
    (container,) = [container for container in ax.containers if container.get_label() == label]
    rows = [(bar.get_x() + bar.get_width() / 2, bar.get_y(), bar.get_height(), bar.get_width()) for bar in container]
    return np.array(rows).reshape(-1, 4)


def axes(figure: Figure) -> list[Any]:
    """Any: matplotlib's stubs do not know what was put into the axes."""
    return figure.axes


def box(ax: Axes) -> str:
    return ax.texts[0].get_text()


def panel(score: dict[str, Any]) -> tuple[Axes, Axes]:
    with style.theme():
        ax = Figure().subplots()
        return ax, _diagrams.draw_panel(ax, score, "panel")


def assert_nothing_is_cut_off(figure: Figure) -> None:
    with style.theme():
        figure.draw_without_rendering()
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(drawn.x0, drawn.y0) >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height


def assert_no_label_lies_on_another(figure: Figure) -> None:
    """After `assert_nothing_is_cut_off`, which lays the figure out."""
    panels = axes(figure)
    strips = [ax.child_axes[0] for ax in panels]
    labels = [figure.legends[0], *figure.texts, *(ax.title for ax in panels), *(ax.yaxis.label for ax in panels)]
    labels += [label for strip in strips for label in (strip.xaxis.label, strip.yaxis.label)]
    labels += [tick for strip in strips for tick in strip.get_xticklabels()]
    extents = [label.get_window_extent() for label in labels]
    shown = [extent for extent in extents if extent.width > 0]
    for one, other in combinations(shown, 2):
        assert not one.overlaps(other), labels[extents.index(one)]


def test_bars_are_the_bins() -> None:
    ax, strip = panel(SCORE)
    np.testing.assert_allclose(
        bars(ax, "accuracy"), [[0.125, 0, 0.3, 0.25], [0.625, 0, 0.4, 0.25], [0.875, 0, 0.9, 0.25]]
    )
    np.testing.assert_allclose(bars(ax, "under"), [[0.125, 0.2, 0.1, 0.25]])
    np.testing.assert_allclose(bars(ax, "over"), [[0.625, 0.4, 0.2, 0.25], [0.875, 0.9, 0.05, 0.25]])
    np.testing.assert_allclose(bars(strip, "share")[:, [0, 2]], [[0.125, 0.1], [0.625, 0.3], [0.875, 0.6]])


def test_drawn_gaps_add_up_to_the_ece_of_a_real_classifier() -> None:
    images, labels = load_digits(return_X_y=True)
    few = np.concatenate([np.flatnonzero(labels[:900] == k)[: 40 >> k // 2] for k in range(10)])
    model = LogisticRegression(max_iter=300).fit(images[few] / 16, labels[few])
    logits = 3 * model.decision_function(images[900:] / 16)
    score = evaluate(logits, labels[900:], np.bincount(labels[few]), resamples=2)
    ax, strip = panel(score)
    share = {round(centre, 6): height for centre, _, height, _ in bars(strip, "share")}
    gaps = [*bars(ax, "over"), *bars(ax, "under")]
    assert sum(share[round(centre, 6)] * height for centre, _, height, _ in gaps) == pytest.approx(score["ece"])
    assert score["ece"] > 0.02


@pytest.mark.parametrize(
    ("signed_gap", "line"), [(0.08, "ECE 10.0 % over"), (-0.08, "ECE 10.0 % under"), (0.0, "ECE 10.0 %")]
)
def test_box_gives_accuracy_and_signed_ece_in_percent(signed_gap: float, line: str) -> None:
    ax, _ = panel({**SCORE, "signed_gap": signed_gap})
    assert box(ax).split("\n") == ["Top-1 69.0 %", line]


def test_diagonal_is_dashed_from_corner_to_corner() -> None:
    ax, _ = panel(SCORE)
    (diagonal,) = ax.lines
    np.testing.assert_array_equal(diagonal.get_xydata(), [[0, 0], [1, 1]])
    assert diagonal.is_dashed()


def test_single_diagram_fits() -> None:
    figure = _diagrams.side_by_side([("LWS+mixup on iNaturalist 2018, ResNet-50, 200 epochs", SCORE)], "A title")
    assert_nothing_is_cut_off(figure)
    assert_no_label_lies_on_another(figure)
    assert len(bars(axes(figure)[0], "accuracy")) == 3


@pytest.mark.parametrize(("number", "shape"), [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (4, (1, 4)), (7, (2, 4))])
def test_comparison_has_one_panel_a_run_on_shared_axes(number: int, shape: tuple[int, int]) -> None:
    figure = _diagrams.side_by_side(SEVEN[:number], "CIFAR-100-LT, imbalance factor 100")
    assert_nothing_is_cut_off(figure)
    assert_no_label_lies_on_another(figure)
    assert [ax.get_title() for ax in axes(figure)] == [label for label, _ in SEVEN[:number]]
    assert [box(ax).split()[1] for ax in axes(figure)] == [f"{100 * s['top1']:.1f}" for _, s in SEVEN[:number]]
    grid = axes(figure)[0].get_subplotspec().get_gridspec()
    assert (grid.nrows, grid.ncols) == shape
    assert all(axes(figure)[0].get_shared_y_axes().joined(axes(figure)[0], ax) for ax in axes(figure)[1:])
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0
    assert legend.x1 <= figure.bbox.x1


@pytest.mark.parametrize("number", [1, 2, 5])
def test_comparison_with_long_titles_fits(number: int) -> None:
    panels = [("cRT+mixup, CIFAR-100-LT, factor 0.01, from JPEG files", SCORE)] * number
    figure = _diagrams.side_by_side(panels, "Reliability, imbalance factor 100, from a folder of image files")
    assert_nothing_is_cut_off(figure)
    assert_no_label_lies_on_another(figure)


def test_comparison_has_one_scale_for_all_histograms() -> None:
    peaked = copy.deepcopy(SCORE)
    peaked["bins"]["count"] = [1, 0, 1, 98]
    strips = [ax.child_axes[0] for ax in _diagrams.side_by_side([("a", SCORE), ("b", peaked)], "").axes]
    assert strips[0].get_ylim() == strips[1].get_ylim()
    assert strips[0].get_ylim()[1] >= 0.98


def test_overlay_draws_the_filled_bins() -> None:
    ax = axes(comparison.overlay([("CE", SCORE)], "one"))[0]
    (line,) = [line for line in ax.lines if line.get_label() == "CE"]
    expected = [[0.2, 0.3], [0.6, 0.4], [0.95, 0.9]]
    np.testing.assert_allclose(line.get_xydata(), expected)
    (dots,) = ax.collections
    np.testing.assert_allclose(dots.get_offsets(), expected)
    sizes = dots.get_sizes()
    np.testing.assert_allclose(sizes / sizes[0], [1, 3, 6])


def test_overlay_leaves_out_bins_of_a_few_images_and_cuts_no_marker() -> None:
    spiky = copy.deepcopy(SCORE)
    spiky["bins"] |= {"count": [3, 1, 400, 600], "accuracy": [1.0, 0.0, 0.6, 1.0]}
    spiky["bins"]["confidence"] = [0.2, 0.4, 0.6, 1.0]
    ax = axes(comparison.overlay([("CE", spiky)], "one"))[0]
    (line,) = [line for line in ax.lines if line.get_label() == "CE"]
    np.testing.assert_allclose(line.get_xydata(), [[0.6, 0.6], [1.0, 1.0]])
    assert not ax.collections[0].get_clip_on()


@pytest.mark.parametrize("number", [1, 7, 30])
def test_overlay_legend_fits_beside_the_axes(number: int) -> None:
    lines = SEVEN[:number] if number <= 7 else [(f"a method with a long name {i}", SCORE) for i in range(number)]
    figure = comparison.overlay(lines, "CIFAR-100-LT, imbalance factor 100, ResNet-32")
    assert_nothing_is_cut_off(figure)
    ax = axes(figure)[0]
    frame, legend = ax.get_window_extent(), ax.get_legend().get_window_extent()
    note = ax.texts[-1].get_window_extent()
    assert legend.x0 > frame.x1
    assert frame.width > 3.3 * figure.dpi
    assert legend.y1 <= frame.y1 + 1
    assert legend.y0 > note.y1
    _, *rows = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [row[: len(label)] for row, (label, _) in zip(rows, lines, strict=True)] == [label for label, _ in lines]


def test_overlay_legend_tells_accuracy_ece_and_sign() -> None:
    legend = axes(comparison.overlay(SEVEN, ""))[0].get_legend()
    rows = [text.get_text().split() for text in legend.get_texts()]
    assert rows[0] == ["Method", "Top-1", "%", "ECE", "%"]
    assert rows[1] == ["CE", "50.0", "23.4", "over"]
    assert rows[7] == ["MiSLAS", "56.0", "5.40", "under"]


def test_a_method_keeps_its_colour_across_figures() -> None:
    def color(figure: Figure) -> object:
        (line,) = [line for line in axes(figure)[0].lines if line.get_label() == "MiSLAS"]
        return line.get_color()

    assert color(comparison.overlay(SEVEN, "")) == color(comparison.overlay(SEVEN[6:], ""))


@pytest.mark.parametrize("missing", ["top1", "ece", "signed_gap", "bins", "accuracy", "edges"])
def test_missing_key_is_named(missing: str) -> None:
    broken = copy.deepcopy(SCORE)
    broken.pop(missing, None)
    broken.get("bins", {}).pop(missing, None)
    with pytest.raises(InputError, match=f"'CE' lacks .*{'edges' if missing == 'bins' else missing}"):
        _diagrams.side_by_side([("CE", broken)], "")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("edges", [0, 0.5, 1]),
        ("count", [0, 0, 0, 0]),
        ("accuracy", [0.3, None, None, 0.9]),
        ("confidence", [0.2, None, 0.6]),
    ],
)
def test_bins_that_do_not_fit_are_refused(key: str, value: list[Any]) -> None:
    broken = copy.deepcopy(SCORE)
    broken["bins"][key] = value
    with pytest.raises(InputError, match="bins of 'CE'"):
        comparison.overlay([("CE", broken)], "")


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(InputError, match="no panel"):
        _diagrams.side_by_side([], "empty")
    with pytest.raises(InputError, match="no line"):
        comparison.overlay([], "empty")


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    program = (
        "import json, sys; from longtail.report import style; "
        "from longtail.report.figures import _diagrams, comparison; "
        "panels = json.loads(sys.argv[1]); "
        "style.save(_diagrams.side_by_side(panels[5:], 'two'), 'panels.svg', 'panels.png'); "
        "style.save(comparison.overlay(panels, 'seven'), 'lines.svg', 'lines.png')"
    )
    library = str(Path(style.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": library, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", program, json.dumps(SEVEN)], cwd=tmp_path, env=environment, check=True)
    style.save(_diagrams.side_by_side(SEVEN[5:], "two"), tmp_path / "panels2.svg", tmp_path / "panels2.png")
    style.save(comparison.overlay(SEVEN, "seven"), tmp_path / "lines2.svg", tmp_path / "lines2.png")
    for name in ("panels", "lines"):
        for kind in ("svg", "png"):
            there, here = tmp_path / f"{name}.{kind}", tmp_path / f"{name}2.{kind}"
            assert there.read_bytes() == here.read_bytes()


def test_a_panel_shows_the_spread_of_several_runs_and_the_printed_numbers() -> None:
    score = dict(SEVEN[0][1]) | {"top1": 0.5, "ece": 0.1, "top1_sd": 0.012, "ece_sd": 0.0034}
    title = comparison.panel_title("CE", {"top1": 72.3, "ece": 20.1})
    figure = _diagrams.side_by_side([(title, score)], "")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "50.0 ± 1.2 %" in texts[0]
    assert "10.0 ± 0.34 %" in texts[0]
    assert figure.axes[0].get_title().split() == ["CE", "(printed", "72.3", "/", "20.1)"]


def test_a_paper_may_print_one_number_of_a_panel() -> None:
    assert comparison.panel_title("CE", {"top1": 38.4}) == "CE (printed\xa038.4\xa0/\xa0–)"
    assert comparison.panel_title("CE", {"ece": 4.83}) == "CE (printed\xa0–\xa0/\xa04.83)"
    assert comparison.panel_title("CE", {}) == "CE"


def test_a_footnote_grows_the_figure_and_stays_clear_of_the_key(tmp_path: Path) -> None:
    from PIL import Image

    plain, noted = tmp_path / "plain.png", tmp_path / "noted.png"
    style.save(_diagrams.side_by_side(SEVEN[:2], "two"), tmp_path / "plain.svg", plain)
    figure = _diagrams.side_by_side(SEVEN[:2], "two")
    style.save(figure, tmp_path / "noted.svg", noted, footnote="n = 2 runs " * 20)
    assert Image.open(noted).height > Image.open(plain).height
    key, small_print = figure.legends[0].get_window_extent(), figure.texts[-1].get_window_extent()
    assert small_print.y1 <= key.y0 + 1
