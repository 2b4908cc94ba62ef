from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from tests.report.figures.drawn import assert_nothing_is_cut_off, assert_same_bytes, axes

from longtail.report.figures.class_counts import class_counts
from longtail.runtime.errors import InputError

COUNTS = [500, 314, 48, 5]
SERIES = {f"IF {factor}": [int(500 * factor ** (-i / 99)) for i in range(100)] for factor in (200, 100, 50, 10)}


def test_counts_are_drawn_in_their_order_on_a_log_axis() -> None:
    figure = class_counts({"IF 100": COUNTS, "shuffled": COUNTS[::-1]}, "four classes")
    assert_nothing_is_cut_off(figure)
    ax = axes(figure)[0]
    assert ax.get_yscale() == "log"
    first, second = [patch for patch in ax.patches if isinstance(patch, StepPatch)]
    np.testing.assert_array_equal(first.get_data()[0], COUNTS)
    np.testing.assert_array_equal(second.get_data()[0], COUNTS[::-1])
    np.testing.assert_array_equal(first.get_data()[1], [0.5, 1.5, 2.5, 3.5, 4.5])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["IF 100  (867 images)", "shuffled  (867 images)"]


def test_bands_meet_at_100_and_20() -> None:
    ax = axes(class_counts(SERIES, "CIFAR-100-LT"))[0]
    low, high = ax.get_ylim()
    bands = {p.get_label(): (p.get_y(), p.get_y() + p.get_height()) for p in ax.patches if p.get_label()[0] in "MF"}
    assert bands == {
        "Many (> 100)": (100, pytest.approx(high)),
        "Medium (20–100)": (20, 100),
        "Few (< 20)": (pytest.approx(low), 20),
    }
    assert {text.get_text() for text in ax.texts} == set(bands)


def test_leaves_out_a_band_without_classes() -> None:
    figure = class_counts({"balanced": [500] * 10}, "CIFAR-100")
    assert_nothing_is_cut_off(figure)
    assert [text.get_text() for text in axes(figure)[0].texts] == ["Many (> 100)"]


def test_a_colour_a_series() -> None:
    steps = [patch for patch in axes(class_counts(SERIES, ""))[0].patches if isinstance(patch, StepPatch)]
    assert len({patch.get_edgecolor() for patch in steps}) == 4


def test_unusable_input_is_named() -> None:
    with pytest.raises(InputError, match="no series"):
        class_counts({}, "empty")
    with pytest.raises(InputError, match="'IF 100' need at least 1 image"):
        class_counts({"IF 100": [5, 0]}, "")


def test_same_input_same_bytes(tmp_path: Path) -> None:
    assert_same_bytes(class_counts(SERIES, "CIFAR-100-LT"), class_counts(SERIES, "CIFAR-100-LT"), tmp_path)
