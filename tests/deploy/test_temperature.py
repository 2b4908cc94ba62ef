import math

import numpy as np
import pytest

from longtail.deploy import temperature


def test_by_hand() -> None:
    """Logits ±2 that are right on three of four: p = 3/4 is the best, so 4/T = log 3."""
    logits = np.array([[2, -2]] * 4, np.float32)
    labels = np.array([0, 0, 0, 1])

    fitted = temperature.fitted(logits, labels)

    assert fitted == pytest.approx(4 / math.log(3))
    best = -(3 * math.log(3 / 4) + math.log(1 / 4)) / 4
    assert temperature.nll(logits, labels, fitted) == pytest.approx(best)


def test_logits_that_were_divided_get_it_back() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 5)).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(5, p=row / row.sum()) for row in probabilities.astype(np.float64)])

    fitted = temperature.fitted(logits, labels)

    assert fitted == pytest.approx(1, abs=0.05)
    assert temperature.fitted(3 * logits, labels) == pytest.approx(3 * fitted, rel=1e-5)


@pytest.mark.parametrize("labels", [[0, 1], [1, 0]], ids=["never wrong", "worse than nothing"])
def test_there_may_be_none(labels: list[int]) -> None:
    logits = np.array([[2, -2], [-2, 2]], np.float32)

    assert temperature.fitted(logits, np.array(labels)) is None
