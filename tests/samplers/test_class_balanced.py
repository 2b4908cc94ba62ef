import numpy as np
from tests.samplers.toy import COUNTS, labels_of, rng

from longtail.samplers import class_balanced

DRAWS = 60_000


def test_every_class_and_every_image_of_it_is_as_likely_as_another() -> None:
    labels = labels_of(COUNTS)
    drawn = class_balanced.draw({}, labels, DRAWS, rng())
    expected = DRAWS / len(COUNTS) / np.array(COUNTS)[labels]
    found = np.bincount(drawn, minlength=len(labels))
    assert (np.abs(found - expected) < 5 * np.sqrt(expected)).all()


def test_draws_are_independent_and_with_replacement() -> None:
    drawn = class_balanced.draw({}, labels_of([2, 1]), 200, rng())
    pairs = set(zip(drawn[:-1].tolist(), drawn[1:].tolist(), strict=True))
    assert len(pairs) == 9  # any row may follow any other, itself included


def test_a_class_without_images_is_passed_over() -> None:
    drawn = class_balanced.draw({}, np.array([3, 3, 5]), 64, rng())
    assert set(drawn.tolist()) == {0, 1, 2}
