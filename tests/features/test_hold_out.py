from typing import Any

import numpy as np
import pytest

from longtail.data import long_tail
from longtail.features.hold_out import hold_out

# The published sources: classes and images a class.
CIFAR10, CIFAR100 = (10, 5000), (100, 500)


def labels_of(classes, images):
    return np.random.default_rng(3).permutation(np.repeat(np.arange(classes), images))


def drawn(source, factor, seed=0):
    """Labels of a source, its subset at a factor, and the hold-out."""
    labels = labels_of(*source)
    subset = long_tail.cut(labels, factor, source[0], seed)
    return labels, subset, hold_out(labels, subset, source[0])


@pytest.mark.parametrize(("source", "factor", "total"), [(CIFAR10, 100, 900), (CIFAR100, 100, 9_719)])
def test_at_most_100_a_class_that_the_subset_leaves_out(source: tuple[Any, ...], factor: int, total: int) -> None:
    labels, subset, held_out = drawn(source, factor)
    assert not set(held_out.tolist()) & set(subset.indices.tolist())
    assert len(set(held_out.tolist())) == len(held_out) == total
    left = [min(100, source[1] - count) for count in subset.counts]
    assert left[0] == 0
    assert np.bincount(labels[held_out], minlength=source[0]).tolist() == left


def test_classes_follow_each_other() -> None:
    labels, _, held_out = drawn(CIFAR10, 100)
    assert (np.diff(labels[held_out]) >= 0).all()


def test_the_same_images_each_time_and_not_the_first_of_the_file() -> None:
    labels, subset, held_out = drawn(CIFAR10, 100)
    np.random.default_rng().random()
    np.testing.assert_array_equal(hold_out(labels, subset, 10), held_out)
    first = np.setdiff1d(np.flatnonzero(labels == 9), subset.indices)[:100]
    assert set(held_out[-100:].tolist()) != set(first.tolist())


def test_factors_share_what_both_leave_out() -> None:
    _, mild, of_mild = drawn(CIFAR100, 10)
    _, _, of_strong = drawn(CIFAR100, 100)
    shared = set(of_strong.tolist()) - set(mild.indices.tolist())
    assert len(shared) > 1000
    assert shared <= set(of_mild.tolist())


def test_a_set_used_as_it_is_has_none() -> None:
    labels = labels_of(10, 20)
    held_out = hold_out(labels, long_tail.natural(labels, 10), 10)
    assert held_out.shape == (0,)
    assert held_out.dtype == np.int64


def test_all_of_what_is_left_of_a_small_class() -> None:
    labels = np.array([0, 1, 0, 1, 1, 0])
    subset = long_tail.Subset(np.array([5, 1]), [1, 1])
    held_out = hold_out(labels, subset, 2)
    assert sorted(held_out[:2].tolist()) == [0, 2]
    assert sorted(held_out[2:].tolist()) == [3, 4]
