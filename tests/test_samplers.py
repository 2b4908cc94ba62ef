import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.samplers import PER_CLASS, SAMPLERS, class_aware, instance_balanced

COUNTS = [50, 20, 9, 4, 3, 1]


def labels_of(counts: list[int]) -> np.ndarray:
    """Shuffled labels with so many of each class."""
    return np.random.default_rng(7).permutation(np.repeat(np.arange(len(counts)), counts))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_class_aware_draws_four_of_a_class_in_a_row():
    labels = labels_of(COUNTS)
    runs = labels[class_aware(labels, 240, rng())].reshape(-1, PER_CLASS)
    assert (runs == runs[:, :1]).all()
    # Every six runs are one round of the six classes.
    rounds = runs[:, 0].reshape(-1, len(COUNTS))
    assert (np.sort(rounds, axis=1) == np.arange(len(COUNTS))).all()
    assert len({tuple(order) for order in rounds}) > 1


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=8), draws=st.integers(0, 300), seed=st.integers(0, 99)
)
def test_class_aware_balances_classes_and_uses_up_each_cycle(counts, draws, seed):
    labels = labels_of(counts)
    drawn = class_aware(labels, draws, rng(seed))
    assert len(drawn) == draws
    assert drawn.dtype == np.int64
    per_class = np.bincount(labels[drawn], minlength=len(counts))
    assert np.ptp(per_class) <= PER_CLASS
    for label, count in enumerate(counts):
        of_class = drawn[labels[drawn] == label]
        for start in range(0, len(of_class), count):
            cycle = of_class[start : start + count]
            assert len(set(cycle.tolist())) == len(cycle)


def test_class_aware_shuffles_a_cycle_anew():
    labels = np.zeros(8, dtype=np.int64)
    cycles = class_aware(labels, 80, rng()).reshape(10, 8)
    assert (np.sort(cycles, axis=1) == np.arange(8)).all()
    assert len({tuple(cycle) for cycle in cycles}) == 10


def test_class_aware_passes_over_classes_without_images():
    drawn = class_aware(np.array([3, 3, 5]), 16, rng())
    assert set(drawn.tolist()) == {0, 1, 2}


def test_instance_balanced_is_a_permutation():
    labels = labels_of(COUNTS)
    drawn = instance_balanced(labels, len(labels), rng())
    assert sorted(drawn.tolist()) == list(range(len(labels)))
    assert drawn.tolist() != list(range(len(labels)))
    fewer = instance_balanced(labels, 60, rng())
    np.testing.assert_array_equal(fewer, drawn[:60])


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_same_generator_gives_the_same_order(name):
    labels = labels_of(COUNTS)
    first, again, other = (SAMPLERS[name](labels, 80, rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
