import numpy as np
from tests.samplers.toy import COUNTS, labels_of, rng

from longtail.samplers import instance_balanced


def test_instance_balanced_is_a_permutation() -> None:
    labels = labels_of(COUNTS)
    drawn = instance_balanced.draw({}, labels, len(labels), rng())
    assert sorted(drawn.tolist()) == list(range(len(labels)))
    assert drawn.tolist() != list(range(len(labels)))
    fewer = instance_balanced.draw({}, labels, 60, rng())
    np.testing.assert_array_equal(fewer, drawn[:60])
