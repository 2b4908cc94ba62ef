from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from tests.report.figures.drawn import assert_nothing_is_cut_off, assert_same_bytes, axes

from longtail.report.figures.class_counts import class_counts
from longtail.runtime.errors import InputError

COUNTS = [500, 314, 48, 5]
NAMES = ["fourth", "third", "second", "first"]
SERIES = {f"IF {factor}": [int(500 * factor ** (-i / 99)) for i in range(100)] for factor in (200, 100, 50, 10)}
HUNDRED = [f"class {number}" for number in range(100)]


def test_classes_are_named_and_sorted_by_the_last_series_on_a_log_axis() -> None:
    figure = class_counts({"balanced": [500] * 4, "IF 100": COUNTS[::-1]}, NAMES, "four classes", "titles")
    assert_nothing_is_cut_off(figure)
    ax = axes(figure)[0]
    assert ax.get_yscale() == "log"
    first, second = [patch for patch in ax.patches if isinstance(patch, StepPatch)]
    np.testing.assert_array_equal(first.get_data()[0], [500] * 4)
    np.testing.assert_array_equal(second.get_data()[0], COUNTS)
    np.testing.assert_array_equal(first.get_data()[1], [0.5, 1.5, 2.5, 3.5, 4.5])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == NAMES[::-1]
    assert ax.get_ylabel() == "Training titles (log scale)"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["balanced  (2,000 titles)", "IF 100  (867 titles)"]


@pytest.mark.parametrize("classes", [10, 43, 100, 101])
def test_up_to_a_hundred_long_names_fit(classes: int) -> None:
    names = [f"No passing for vehicles over {number} tons, and more" for number in range(classes)]
    figure = class_counts({"natural": list(range(1, classes + 1))}, names, "signs")
    assert_nothing_is_cut_off(figure)
    ax = axes(figure)[0]
    assert ax.get_window_extent().height > 2 * figure.dpi
    assert (len(ax.get_xticklabels()) == classes) == (classes <= 100)
    extents = [tick.get_window_extent() for tick in ax.get_xticklabels()]
    assert not any(one.overlaps(other) for one, other in pairwise(extents))


def test_bands_meet_at_100_and_20() -> None:
    ax = axes(class_counts(SERIES, HUNDRED, "CIFAR-100-LT"))[0]
    low, high = ax.get_ylim()
    bands = {p.get_label(): (p.get_y(), p.get_y() + p.get_height()) for p in ax.patches if p.get_label()[0] in "MF"}
    assert bands == {
        "Many (> 100)": (100, pytest.approx(high)),
        "Medium (20–100)": (20, 100),
        "Few (< 20)": (pytest.approx(low), 20),
    }
    assert {text.get_text() for text in ax.texts} == set(bands)


def test_leaves_out_a_band_without_classes() -> None:
    figure = class_counts({"balanced": [500] * 10}, HUNDRED[:10], "CIFAR-100")
    assert_nothing_is_cut_off(figure)
    assert [text.get_text() for text in axes(figure)[0].texts] == ["Many (> 100)"]


def test_a_colour_a_series() -> None:
    steps = [patch for patch in axes(class_counts(SERIES, HUNDRED, ""))[0].patches if isinstance(patch, StepPatch)]
    assert len({patch.get_edgecolor() for patch in steps}) == 4


def test_unusable_input_is_named() -> None:
    with pytest.raises(InputError, match="no series"):
        class_counts({}, [], "empty")
    with pytest.raises(InputError, match="'IF 100' need at least 1 of the images"):
        class_counts({"IF 100": [5, 0]}, NAMES[:2], "")


def test_same_input_same_bytes(tmp_path: Path) -> None:
    assert_same_bytes(
        class_counts(SERIES, HUNDRED, "CIFAR-100-LT"), class_counts(SERIES, HUNDRED, "CIFAR-100-LT"), tmp_path
    )
