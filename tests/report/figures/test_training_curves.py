from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from tests.report.figures.drawn import assert_nothing_is_cut_off, assert_same_bytes, axes

from longtail.report import style
from longtail.report.figures.training_curves import Curves, training_curves
from longtail.runtime.errors import InputError


def history(rates: list[float], evaluated: tuple[int, ...] = (), offset: float = 0.0) -> pd.DataFrame:
    epochs = np.arange(1, len(rates) + 1)
    top1 = np.where(np.isin(epochs, evaluated), epochs / 1000 + offset, np.nan)
    return pd.DataFrame({"epoch": epochs, "loss": 4 / epochs + offset, "learning_rate": rates, "test_top1": top1})


# The LDAM schedule, shortened: 5 epochs of warm-up, then two drops.
STEPS = [0.02, 0.04, 0.06, 0.08, *[0.1] * 12, *[0.001] * 2, *[1e-5] * 2]
COSINE = [0.05 * (1 + np.cos(np.pi * epoch / 20)) for epoch in range(20)]


def curves(number: int) -> list[Curves]:
    """Methods of two losses, of which the first has two seeds."""
    return [
        Curves(
            f"method {i}",
            "ldam" if i % 3 == 2 else "cross entropy",
            [history(STEPS, (5, 20), i / 50 + seed / 100)] * 2,
        )
        for i, seed in zip(range(number), [1] * number, strict=True)
    ]


def of(ax: Any, label: str) -> list[Any]:
    return [line for line in ax.lines if line.get_label() == label]


def key(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_draws_the_evaluated_epochs_and_below_them_the_loss() -> None:
    run = history(STEPS, evaluated=(5, 10, 20))
    figure = training_curves([Curves("CE", "cross entropy", [run])], "one run")
    accuracy, loss = axes(figure)
    np.testing.assert_allclose(of(accuracy, "CE")[0].get_xydata(), [[5, 0.005], [10, 0.01], [20, 0.02]])
    np.testing.assert_array_equal(of(loss, "CE")[0].get_xydata(), run[["epoch", "loss"]])
    assert accuracy.get_title() == "CE\n2.0 %"
    assert same_color(of(loss, "CE")[0].get_color(), style.looks(["CE"])["CE"].color)
    assert figure.get_suptitle() == "one run"


def test_seeds_are_lines_of_one_panel_and_their_mean_stands_above() -> None:
    seeds = [history(STEPS, (20,), offset) for offset in (0.48, 0.50)]
    accuracy, loss = axes(training_curves([Curves("CE", "cross entropy", seeds)], ""))
    assert (len(of(accuracy, "CE")), len(of(loss, "CE"))) == (2, 2)
    assert accuracy.get_title() == "CE\n51.0 ± 1.4 %"


def test_methods_of_one_loss_stand_together_the_best_first_and_share_its_axis() -> None:
    figure = training_curves(curves(4), "")
    panels = axes(figure)
    assert [ax.get_title().split("\n")[0] for ax in panels[::2]] == ["method 3", "method 1", "method 0", "method 2"]
    limits = [ax.get_ylim() for ax in panels[1::2]]
    assert limits[0] == limits[1] == limits[2] != limits[3]
    assert len({ax.get_ylim() for ax in panels[::2]}) == 1
    assert [len(ax.lines) - len(of(ax, "drop")) for ax in panels[::2]] == [8] * 4
    assert key(figure) == ["A seed of the method", "Other methods", "Learning rate drops"]


def test_marks_the_drops_of_a_step_schedule_and_nothing_on_warm_up_and_cosine() -> None:
    runs = [("a", STEPS), ("b", COSINE), ("c", STEPS[:10])]
    figure = training_curves([Curves(label, "ldam", [history(rates, (5,))]) for label, rates in runs], "")
    drops = {
        ax.get_title()[0]: [line.get_xdata()[0] for line in of(ax, "drop")] for ax in axes(figure) if ax.get_title()
    }
    assert drops == {"a": [17, 19], "b": [], "c": []}
    assert "Learning rate drops" not in key(training_curves([Curves("b", "ldam", [history(COSINE)])], ""))


@pytest.mark.parametrize("evaluated", [(), (20,)])
def test_a_run_hardly_evaluated(evaluated: tuple[int, ...], tmp_path: Path) -> None:
    figure = training_curves([Curves("CE", "cross entropy", [history(STEPS, evaluated)])], "")
    (line,) = of(axes(figure)[0], "CE")
    assert len(line.get_xdata()) == len(evaluated)
    assert line.get_marker() == "o"
    assert axes(figure)[0].get_title() == ("CE\n2.0 %" if evaluated else "CE\nnot evaluated")
    style.save(figure, tmp_path / "a.svg", tmp_path / "a.png")


@pytest.mark.parametrize("number", [1, 2, 7, 23])
def test_panels_are_large_enough(number: int) -> None:
    figure = training_curves(curves(number), "Stage 1 on CIFAR-100, factor 100, resnet32")
    assert_nothing_is_cut_off(figure)
    assert len(axes(figure)) == 2 * number
    for accuracy, loss in zip(axes(figure)[::2], axes(figure)[1::2], strict=True):
        assert accuracy.get_window_extent().height > 0.8 * figure.dpi
        assert loss.get_window_extent().height > 0.35 * figure.dpi
        assert accuracy.get_window_extent().width > 1.2 * figure.dpi


def test_unusable_input_is_named() -> None:
    with pytest.raises(InputError, match="no run"):
        training_curves([], "empty")
    with pytest.raises(InputError, match="'CE' lacks loss"):
        training_curves([Curves("CE", "ldam", [history(STEPS).drop(columns="loss")])], "")
    with pytest.raises(InputError, match="'CE' lacks epochs"):
        training_curves([Curves("CE", "ldam", [history([])])], "")


def test_same_input_same_bytes(tmp_path: Path) -> None:
    once, again = (training_curves(curves(3), "three") for _ in "ab")
    assert_same_bytes(once, again, tmp_path)
