import numpy as np
from tests.evaluate.test_standing import network

from longtail.evaluate.ranking import CRITERIA, Network
from longtail.evaluate.recommendation import Recommendation, recommend
from longtail.evaluate.standing import standing


def recommended(*methods: tuple[float, float]) -> Recommendation:
    """Of methods by accuracy and ECE, which vary by 0.01 from seed to seed."""

    def runs(accuracy: float, ece: float) -> dict[int, Network]:
        found = {}
        for seed, step in enumerate((-0.01, 0.0, 0.01)):
            values = {"top1": accuracy + step, "ece": ece + step}
            drawn = {name: np.full(2, value) for name, value in values.items()}
            plain = network(0.0)
            found[seed] = Network(plain.predicted, plain.correct, plain.confidence, values, drawn)
        # In pairs, seeds differ a little less than alone.
        found[1].values["top1"] += accuracy / 1000  # type: ignore[index]
        return found

    made = [runs(*each) for each in methods]
    return recommend(*(standing(made, CRITERIA[name]) for name in ("top1", "ece")))


def test_one_that_is_best_at_both() -> None:
    found = recommended((0.9, 0.02), (0.8, 0.10), (0.7, 0.20))

    assert (found.both, found.front, found.shown) == ([0], [0], [0])


def test_none_that_is_good_at_both_leaves_the_front() -> None:
    found = recommended((0.9, 0.30), (0.6, 0.02), (0.8, 0.10), (0.7, 0.20))

    assert (found.both, found.front) == ([], [0, 2, 1])
    assert found.shown == [0, 1]


def test_equal_methods_are_both_on_the_front() -> None:
    found = recommended((0.9, 0.02), (0.9, 0.02))

    assert (found.both, found.front) == ([0, 1], [0, 1])
