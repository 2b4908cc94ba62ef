import math
from typing import Any

import numpy as np
import pytest

from longtail.evaluate import scores

# Three classes, class 2 never shown; image 1 is the only wrong one.
LOGITS = np.log(np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]]))
LABELS = np.array([0, 1, 1])


def test_softmax_gives_back_the_probabilities_behind_log_probabilities() -> None:
    probabilities = scores.softmax(LOGITS.astype(np.float32))
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities, np.exp(LOGITS), rtol=1e-6)


def test_softmax_stays_finite_at_the_end_of_the_float32_range_and_leaves_its_input_alone() -> None:
    logits = np.array([[3e38, -3e38, 0.0], [-3e38, -3e38, -3e38]], dtype=np.float32)
    before = logits.copy()
    np.testing.assert_array_equal(scores.softmax(logits), [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_array_equal(logits, before)


def test_softmax_ignores_a_shift_of_all_logits() -> None:
    np.testing.assert_allclose(scores.softmax(LOGITS + 500.0), scores.softmax(LOGITS), rtol=1e-12)


def test_top1_and_per_class_accuracy() -> None:
    assert scores.correct_per_image(LOGITS, LABELS).mean() == 2 / 3
    np.testing.assert_array_equal(scores.per_class_accuracy(LOGITS, LABELS), [1.0, 0.5, np.nan])


def test_groups_follow_the_thresholds_at_their_ends() -> None:
    train_counts = np.array([500, 101, 100, 20, 19, 1])
    groups = {name: mask.tolist() for name, mask in scores.shot_groups(train_counts).items()}
    assert groups == {
        "many": [True, True, False, False, False, False],
        "medium": [False, False, True, True, False, False],
        "few": [False, False, False, False, True, True],
    }


@pytest.mark.parametrize(
    ("imbalance", "sizes"),
    [(200, (30, 31, 39)), (100, (35, 35, 30)), (50, (41, 41, 18)), (10, (69, 31, 0))],
)
def test_group_sizes_of_cifar100_lt(imbalance: int, sizes: tuple[Any, ...]) -> None:
    train_counts = np.array([int(500 * (1 / imbalance) ** (i / 99)) for i in range(100)])
    groups = scores.shot_groups(train_counts)
    assert tuple(int(groups[name].sum()) for name in ("many", "medium", "few")) == sizes


def test_group_accuracy_averages_classes_not_images() -> None:
    per_class = np.array([0.9, 0.5, 0.4, 0.2, 0.1])
    accuracy = scores.group_accuracy(per_class, np.array([300, 200, 50, 30, 20]))
    assert accuracy == {"many": pytest.approx(0.7), "medium": pytest.approx(0.7 / 3), "few": None}


def test_group_accuracy_skips_classes_without_test_images() -> None:
    per_class = np.array([0.9, np.nan, np.nan])
    accuracy = scores.group_accuracy(per_class, np.array([300, 200, 5]))
    assert accuracy == {"many": 0.9, "medium": None, "few": None}


def test_negative_log_likelihood_by_hand() -> None:
    by_hand = -(math.log(0.7) + math.log(0.3) + math.log(0.8)) / 3
    assert scores.nll_per_image(LOGITS, LABELS).mean() == pytest.approx(by_hand, rel=1e-12)


def test_negative_log_likelihood_survives_a_probability_that_underflows() -> None:
    logits = np.array([[0.0, 1000.0]], dtype=np.float32)
    assert scores.softmax(logits)[0, 0] == 0.0
    assert scores.nll_per_image(logits, np.array([0])) == 1000.0


def test_brier_by_hand() -> None:
    by_hand = (0.3**2 + 0.2**2 + 0.1**2 + 0.6**2 + 0.7**2 + 0.1**2 + 0.1**2 + 0.2**2 + 0.1**2) / 3
    assert scores.brier_per_image(scores.softmax(LOGITS), LABELS).mean() == pytest.approx(by_hand, rel=1e-12)


def test_brier_ends_at_zero_and_two() -> None:
    certain = np.array([[1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(scores.brier_per_image(certain, np.array([0, 1])), [0.0, 2.0])
