from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.samplers.toy import COUNTS, labels_of, rng

from longtail.data.long_tail import class_counts
from longtail.runtime import parts
from longtail.samplers import tempered


@pytest.mark.parametrize(("level", "expected"), [("instance", [0.3869, 0.6131]), ("class", [0.0594, 0.9406])])
def test_eq_13_of_ladc_worked_out_by_hand(level: str, expected: list[float]) -> None:
    """n = 100 and 10, τ = 1.2: 100^-0.2 : 10^-0.2, and 100^-1.2 : 10^-1.2."""
    found = tempered.probabilities(np.array([100, 10]), level, 1.2)
    assert found == pytest.approx(expected, abs=1e-4)


def test_share_of_the_head_on_cifar100_at_factor_100() -> None:
    """What decides between the two readings: methods card "LADC"."""
    counts = np.array(class_counts(500, 100, 100))
    of_images, of_classes = (tempered.probabilities(counts, level, 1.2) for level in ("instance", "class"))
    assert of_images[:20].sum() == pytest.approx(0.13, abs=0.01)
    assert of_images[-1] / of_images[0] == pytest.approx(100**0.2, rel=1e-6)
    assert of_classes[:20].sum() == pytest.approx(0.007, abs=0.001)
    assert of_classes[-1] / of_classes[0] == pytest.approx(100**1.2, rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(0, 5000), min_size=1, max_size=30).filter(any), tau=st.floats(-1, 3))
def test_probabilities_sum_to_one_and_leave_out_empty_classes(counts: Any, tau: Any) -> None:
    sizes = np.array(counts)
    for level in ("instance", "class"):
        found = tempered.probabilities(sizes, level, tau)
        assert found.sum() == pytest.approx(1)
        assert ((found > 0) == (sizes > 0)).all()


def test_tau_of_one_weighs_classes_alike_and_of_zero_images() -> None:
    counts = np.array([30, 10])
    assert tempered.probabilities(counts, "instance", 1.0) == pytest.approx([0.5, 0.5])
    assert tempered.probabilities(counts, "instance", 0.0) == pytest.approx([0.75, 0.25])


def test_rows_are_drawn_by_these_probabilities_and_alike_within_a_class() -> None:
    labels, draws = labels_of(COUNTS), 60_000
    drawn = tempered.draw({"level": "instance", "tau": 1.2}, labels, draws, rng())
    assert drawn.dtype == np.int64
    expected = draws * (tempered.probabilities(np.array(COUNTS), "instance", 1.2) / COUNTS)[labels]
    found = np.bincount(drawn, minlength=len(labels))
    assert (np.abs(found - expected) < 5 * np.sqrt(expected)).all()


@pytest.mark.parametrize("name", parts.names("samplers"))
def test_same_generator_gives_the_same_order(name: str) -> None:
    labels, sampler = labels_of(COUNTS), {"name": name, "level": "instance", "tau": 1.2}
    draw = parts.find("samplers", name).draw
    first, again, other = (draw(sampler, labels, 80, rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
