from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.samplers.toy import COUNTS, labels_of, rng

from longtail.samplers import class_aware
from longtail.samplers.class_aware import PER_CLASS


def test_class_aware_draws_four_of_a_class_in_a_row() -> None:
    labels = labels_of(COUNTS)
    runs = labels[class_aware.draw({}, labels, 240, rng())].reshape(-1, PER_CLASS)
    assert (runs == runs[:, :1]).all()
    # Every six runs are one round of the six classes.
    rounds = runs[:, 0].reshape(-1, len(COUNTS))
    assert (np.sort(rounds, axis=1) == np.arange(len(COUNTS))).all()
    assert len({tuple(order) for order in rounds}) > 1


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=8), draws=st.integers(0, 300), seed=st.integers(0, 99)
)
def test_class_aware_balances_classes_and_uses_up_each_cycle(counts: Any, draws: Any, seed: Any) -> None:
    labels = labels_of(counts)
    drawn = class_aware.draw({}, labels, draws, rng(seed))
    assert len(drawn) == draws
    assert drawn.dtype == np.int64
    per_class = np.bincount(labels[drawn], minlength=len(counts))
    assert np.ptp(per_class) <= PER_CLASS
    for label, count in enumerate(counts):
        of_class = drawn[labels[drawn] == label]
        for start in range(0, len(of_class), count):
            cycle = of_class[start : start + count]
            assert len(set(cycle.tolist())) == len(cycle)


def test_class_aware_shuffles_each_cycle_again() -> None:
    labels = np.zeros(8, dtype=np.int64)
    cycles = class_aware.draw({}, labels, 80, rng()).reshape(10, 8)
    assert (np.sort(cycles, axis=1) == np.arange(8)).all()
    assert len({tuple(cycle) for cycle in cycles}) == 10


def test_class_aware_passes_over_classes_without_images() -> None:
    drawn = class_aware.draw({}, np.array([3, 3, 5]), 16, rng())
    assert set(drawn.tolist()) == {0, 1, 2}
