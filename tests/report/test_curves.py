from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from longtail.report import curves, style
from longtail.runtime.errors import InputError
from longtail.smoothing import FORMS, smoothing

COUNTS = [500, 314, 48, 5]
SERIES = {f"IF {factor}": [int(500 * factor ** (-i / 99)) for i in range(100)] for factor in (200, 100, 50, 10)}


def history(rates: list[float], evaluated: tuple[int, ...] = (), offset: float = 0.0) -> pd.DataFrame:
    epochs = np.arange(1, len(rates) + 1)
    top1 = np.where(np.isin(epochs, evaluated), epochs / 1000 + offset, np.nan)
    return pd.DataFrame({"epoch": epochs, "loss": 4 / epochs + offset, "learning_rate": rates, "test_top1": top1})


# The LDAM schedule, shortened: 5 epochs of warm-up, then two drops.
STEPS = [0.02, 0.04, 0.06, 0.08, *[0.1] * 12, *[0.001] * 2, *[1e-5] * 2]
COSINE = [0.05 * (1 + np.cos(np.pi * epoch / 20)) for epoch in range(20)]


def axes(figure: Figure) -> list[Any]:
    """Any: matplotlib's stubs do not know what was put into the axes."""
    return figure.axes


def assert_nothing_is_cut_off(figure: Figure) -> None:
    with style.theme():
        figure.draw_without_rendering()
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(drawn.x0, drawn.y0) >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height


def marks(ax: Any) -> list[float]:
    """Where the vertical lines stand."""
    return [line.get_xdata()[0] for line in ax.lines if list(line.get_ydata()) == [0, 1]]


def test_smoothing_curves_pass_through_the_factor_of_every_class() -> None:
    figure = curves.smoothing_curves(COUNTS, 0.4, 0.1)
    assert_nothing_is_cut_off(figure)
    lines, dots = axes(figure)[0].lines[::2], axes(figure)[0].lines[1::2]
    for form, line, dot in zip(FORMS, lines, dots, strict=True):
        assert dot.get_label() == form.capitalize()
        np.testing.assert_array_equal(dot.get_xdata(), COUNTS)
        np.testing.assert_array_equal(dot.get_ydata(), smoothing(COUNTS, 0.4, 0.1, form))
        np.testing.assert_allclose(np.interp(COUNTS, *line.get_xydata().T), dot.get_ydata(), atol=1e-4)
    assert len({line.get_color() for line in lines}) == 3


def test_smoothing_curves_say_so_where_all_counts_are_equal() -> None:
    ax = axes(curves.smoothing_curves([50, 50], 0.3, 0.0))[0]
    assert ax.get_title() == "every class has 50 images: every factor is 0.3"
    for dot in ax.lines[1::2]:
        np.testing.assert_array_equal(dot.get_xydata(), [[50, 0.3], [50, 0.3]])


def test_class_counts_are_drawn_as_given_on_a_log_axis() -> None:
    figure = curves.class_counts({"IF 100": COUNTS, "shuffled": COUNTS[::-1]}, "four classes")
    assert_nothing_is_cut_off(figure)
    ax = axes(figure)[0]
    assert ax.get_yscale() == "log"
    first, second = [patch for patch in ax.patches if isinstance(patch, StepPatch)]
    np.testing.assert_array_equal(first.get_data()[0], COUNTS)
    np.testing.assert_array_equal(second.get_data()[0], COUNTS[::-1])
    np.testing.assert_array_equal(first.get_data()[1], [0.5, 1.5, 2.5, 3.5, 4.5])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["IF 100  (867 images)", "shuffled  (867 images)"]


def test_class_counts_bands_meet_at_100_and_20() -> None:
    ax = axes(curves.class_counts(SERIES, "CIFAR-100-LT"))[0]
    low, high = ax.get_ylim()
    bands = {p.get_label(): (p.get_y(), p.get_y() + p.get_height()) for p in ax.patches if p.get_label()[0] in "MF"}
    assert bands == {
        "Many (> 100)": (100, pytest.approx(high)),
        "Medium (20–100)": (20, 100),
        "Few (< 20)": (pytest.approx(low), 20),
    }
    assert {text.get_text() for text in ax.texts} == set(bands)


def test_class_counts_leave_out_a_band_without_classes() -> None:
    figure = curves.class_counts({"balanced": [500] * 10}, "CIFAR-100")
    assert_nothing_is_cut_off(figure)
    assert [text.get_text() for text in axes(figure)[0].texts] == ["Many (> 100)"]


def test_class_counts_have_a_colour_a_series() -> None:
    steps = [patch for patch in axes(curves.class_counts(SERIES, ""))[0].patches if isinstance(patch, StepPatch)]
    assert len({patch.get_edgecolor() for patch in steps}) == 4


def test_training_curves_draw_loss_and_the_evaluated_epochs() -> None:
    run = history(STEPS, evaluated=(5, 10, 20))
    loss_ax, accuracy_ax = axes(curves.training_curves({"CE": run}, "one run"))
    np.testing.assert_array_equal(loss_ax.lines[0].get_xydata(), run[["epoch", "loss"]])
    np.testing.assert_allclose(accuracy_ax.lines[0].get_xydata(), [[5, 0.005], [10, 0.01], [20, 0.02]])


def test_training_curves_mark_the_drops_of_a_step_schedule_once() -> None:
    figure = curves.training_curves({"a": history(STEPS), "b": history(STEPS, offset=0.1)}, "")
    for ax in axes(figure):
        assert marks(ax) == [17, 19]
    assert "Learning rate drops" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_training_curves_mark_nothing_on_warm_up_and_cosine() -> None:
    figure = curves.training_curves({"a": history(COSINE), "b": history(STEPS[:10])}, "")
    assert [marks(ax) for ax in axes(figure)] == [[], []]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_training_curves_have_a_colour_a_run_and_the_same_in_both_panels() -> None:
    runs = {label: history(COSINE, (20,), i / 10) for i, label in enumerate(["CE", "seed 0", "seed 1", "mixup"])}
    loss_ax, accuracy_ax = axes(curves.training_curves(runs, ""))
    colors = [line.get_color() for line in loss_ax.lines]
    assert len(set(colors)) == 4
    assert colors == [line.get_color() for line in accuracy_ax.lines]
    assert same_color(colors[0], style.looks(["CE"])["CE"].color)


@pytest.mark.parametrize("evaluated", [(), (20,)])
def test_training_curves_of_a_run_hardly_evaluated(evaluated: tuple[int, ...], tmp_path: Path) -> None:
    figure = curves.training_curves({"CE": history(STEPS, evaluated)}, "")
    line = axes(figure)[1].lines[0]
    assert len(line.get_xdata()) == len(evaluated)
    assert line.get_marker() == "o"
    style.save(figure, tmp_path / "a.svg", tmp_path / "a.png")


@pytest.mark.parametrize("label", ["seed {}", "cifar100, factor 100, resnet32, mixup, recipe mislas, seed {}"])
def test_training_curves_legend_fits_many_runs(label: str) -> None:
    figure = curves.training_curves({label.format(i): history(STEPS, (20,)) for i in range(12)}, "a dozen runs")
    assert_nothing_is_cut_off(figure)
    assert axes(figure)[0].get_window_extent().height > 1.8 * figure.dpi


def test_unusable_input_is_named() -> None:
    with pytest.raises(InputError, match="no series"):
        curves.class_counts({}, "empty")
    with pytest.raises(InputError, match="'IF 100' need at least 1 image"):
        curves.class_counts({"IF 100": [5, 0]}, "")
    with pytest.raises(InputError, match="no run"):
        curves.training_curves({}, "empty")
    with pytest.raises(InputError, match="'CE' lacks loss"):
        curves.training_curves({"CE": history(STEPS).drop(columns="loss")}, "")
    with pytest.raises(InputError, match="'CE' lacks epochs"):
        curves.training_curves({"CE": history([])}, "")


def test_same_input_same_bytes(tmp_path: Path) -> None:
    def figures() -> dict[str, Figure]:
        return {
            "smoothing": curves.smoothing_curves(COUNTS, 0.4, 0.1),
            "counts": curves.class_counts(SERIES, "CIFAR-100-LT"),
            "training": curves.training_curves({"CE": history(STEPS, (5, 20)), "mixup": history(COSINE)}, "two"),
        }

    for (name, once), again in zip(figures().items(), figures().values(), strict=True):
        for copy, figure in (("once", once), ("again", again)):
            style.save(figure, tmp_path / f"{name}-{copy}.svg", tmp_path / f"{name}-{copy}.png")
        for kind in ("svg", "png"):
            first, second = (tmp_path / f"{name}-{copy}.{kind}" for copy in ("once", "again"))
            assert first.read_bytes() == second.read_bytes()
