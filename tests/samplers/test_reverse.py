import numpy as np
import pytest
from tests.samplers.toy import COUNTS, labels_of, rng

from longtail.data.long_tail import class_counts
from longtail.samplers import reverse

DRAWS = 200_000


def test_classes_of_cifar10_at_factor_100() -> None:
    """Methods card 1.11: .0040 of class 0, .2424 of class 8 and .4024 of class 9."""
    counts = class_counts(5000, 100, 10)
    shares = np.array([5000 / count for count in counts])
    shares /= shares.sum()
    assert shares[[0, 8, 9]] == pytest.approx([0.0040, 0.2424, 0.4024], abs=5e-5)
    labels = labels_of(counts)
    found = np.bincount(labels[reverse.draw({}, labels, DRAWS, rng())], minlength=10) / DRAWS
    assert (np.abs(found - shares) < 5 * np.sqrt(shares / DRAWS)).all()


def test_rows_of_a_class_are_alike_and_drawn_with_replacement() -> None:
    labels = labels_of(COUNTS)
    drawn = reverse.draw({}, labels, DRAWS, rng())
    assert drawn.shape == (DRAWS,)
    assert drawn.dtype == np.int64
    inverse = 1 / np.array(COUNTS)
    expected = DRAWS * (inverse / inverse.sum() / COUNTS)[labels]
    found = np.bincount(drawn, minlength=len(labels))
    assert (np.abs(found - expected) < 5 * np.sqrt(expected)).all()


def test_a_class_without_images_is_passed_over() -> None:
    drawn = reverse.draw({}, np.array([3, 3, 5]), 64, rng())
    assert set(drawn.tolist()) == {0, 1, 2}
