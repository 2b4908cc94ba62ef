from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from tests.report.figures.drawn import assert_nothing_is_cut_off, assert_same_bytes, axes

from longtail.report import style
from longtail.report.figures.training_curves import training_curves
from longtail.runtime.errors import InputError


def history(rates: list[float], evaluated: tuple[int, ...] = (), offset: float = 0.0) -> pd.DataFrame:
    epochs = np.arange(1, len(rates) + 1)
    top1 = np.where(np.isin(epochs, evaluated), epochs / 1000 + offset, np.nan)
    return pd.DataFrame({"epoch": epochs, "loss": 4 / epochs + offset, "learning_rate": rates, "test_top1": top1})


# The LDAM schedule, shortened: 5 epochs of warm-up, then two drops.
STEPS = [0.02, 0.04, 0.06, 0.08, *[0.1] * 12, *[0.001] * 2, *[1e-5] * 2]
COSINE = [0.05 * (1 + np.cos(np.pi * epoch / 20)) for epoch in range(20)]


def marks(ax: Any) -> list[float]:
    """Where the vertical lines stand."""
    return [line.get_xdata()[0] for line in ax.lines if list(line.get_ydata()) == [0, 1]]


def test_draws_loss_and_the_evaluated_epochs() -> None:
    run = history(STEPS, evaluated=(5, 10, 20))
    loss_ax, accuracy_ax = axes(training_curves({"CE": run}, "one run"))
    np.testing.assert_array_equal(loss_ax.lines[0].get_xydata(), run[["epoch", "loss"]])
    np.testing.assert_allclose(accuracy_ax.lines[0].get_xydata(), [[5, 0.005], [10, 0.01], [20, 0.02]])


def test_marks_the_drops_of_a_step_schedule_once() -> None:
    figure = training_curves({"a": history(STEPS), "b": history(STEPS, offset=0.1)}, "")
    for ax in axes(figure):
        assert marks(ax) == [17, 19]
    assert "Learning rate drops" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_marks_nothing_on_warm_up_and_cosine() -> None:
    figure = training_curves({"a": history(COSINE), "b": history(STEPS[:10])}, "")
    assert [marks(ax) for ax in axes(figure)] == [[], []]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_a_colour_a_run_and_the_same_in_both_panels() -> None:
    runs = {label: history(COSINE, (20,), i / 10) for i, label in enumerate(["CE", "seed 0", "seed 1", "mixup"])}
    loss_ax, accuracy_ax = axes(training_curves(runs, ""))
    colors = [line.get_color() for line in loss_ax.lines]
    assert len(set(colors)) == 4
    assert colors == [line.get_color() for line in accuracy_ax.lines]
    assert same_color(colors[0], style.looks(["CE"])["CE"].color)


@pytest.mark.parametrize("evaluated", [(), (20,)])
def test_a_run_hardly_evaluated(evaluated: tuple[int, ...], tmp_path: Path) -> None:
    figure = training_curves({"CE": history(STEPS, evaluated)}, "")
    line = axes(figure)[1].lines[0]
    assert len(line.get_xdata()) == len(evaluated)
    assert line.get_marker() == "o"
    style.save(figure, tmp_path / "a.svg", tmp_path / "a.png")


@pytest.mark.parametrize("label", ["seed {}", "cifar100, factor 100, resnet32, mixup, recipe mislas, seed {}"])
def test_legend_fits_many_runs(label: str) -> None:
    figure = training_curves({label.format(i): history(STEPS, (20,)) for i in range(12)}, "a dozen runs")
    assert_nothing_is_cut_off(figure)
    assert axes(figure)[0].get_window_extent().height > 1.8 * figure.dpi


def test_unusable_input_is_named() -> None:
    with pytest.raises(InputError, match="no run"):
        training_curves({}, "empty")
    with pytest.raises(InputError, match="'CE' lacks loss"):
        training_curves({"CE": history(STEPS).drop(columns="loss")}, "")
    with pytest.raises(InputError, match="'CE' lacks epochs"):
        training_curves({"CE": history([])}, "")


def test_same_input_same_bytes(tmp_path: Path) -> None:
    once, again = (training_curves({"CE": history(STEPS, (5, 20)), "mixup": history(COSINE)}, "two") for _ in "ab")
    assert_same_bytes(once, again, tmp_path)
