import numpy as np
import pytest
from tests.evaluate.test_standing import network

from longtail.evaluate.confusions import by_rate, confusions
from longtail.evaluate.ranking import Examples, Network

EXAMPLES = Examples(np.array([0] * 8 + [1] * 2 + [2] * 3), np.array([9, 5, 2]))


def answering(predicted: list[int]) -> Network:
    plain = network(0.0)
    return Network(np.array(predicted), plain.correct, plain.confidence, {}, {})


def test_confusions_are_counted_by_pair_and_averaged_over_networks() -> None:
    one = answering([1, 1, 1, 0, 0, 0, 0, 2, *[0, 1], *[2, 2, 1]])
    other = answering([1, 1, 0, 0, 0, 0, 0, 0, *[0, 0], *[2, 2, 2]])

    found = confusions(EXAMPLES, [one, other])

    assert [(each.true, each.predicted, each.count, each.size) for each in found] == [
        (0, 1, 2.5, 8),
        (1, 0, 1.5, 2),
        (0, 2, 0.5, 8),
        (2, 1, 0.5, 3),
    ]
    assert found[0].rate == pytest.approx(0.3125)
    # By share, single images are left out as long as there is anything else.
    assert [each.true for each in by_rate(found)] == [0]
    assert [each.true for each in by_rate(found, at_least=1)] == [1, 0]
    assert [each.true for each in by_rate(found[2:])] == [2, 0]


def test_no_mistake_is_no_confusion() -> None:
    assert confusions(EXAMPLES, [answering(EXAMPLES.labels.tolist())]) == []
    assert by_rate([]) == []
