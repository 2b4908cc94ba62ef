"""Our numbers against independent implementations (torchmetrics, netcal, scikit-learn) on real predictions.

Where they differ they differ by definition, and a test below shows each difference on a few images:

| | bins | confidence exactly 1 | on an inner edge |
|---|---|---|---|
| ours (MiSLAS) | right-closed (a, b] | last bin | bin below |
| torchmetrics | left-closed [a, b), float32 | a bin of its own after the last | bin above |
| netcal | left-closed [a, b) | last bin (confidences are cut to 1 − eps) | bin above |
| scikit-learn `calibration_curve` | right-closed (a, b] | last bin | bin below |
"""

from typing import Literal, NamedTuple

import numpy as np
import pytest
import torch
from netcal.metrics import ACE, ECE, MCE
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_calibration_error

from longtail.evaluate import calibration, scores
from longtail.evaluate.score import score

BINS = 15


class Predictions(NamedTuple):
    logits: np.ndarray  # [N, 10]
    probabilities: np.ndarray  # [N, 10], scikit-learn's own softmax
    labels: np.ndarray  # [N]
    train_counts: np.ndarray  # [10]
    result: dict  # what score() says


@pytest.fixture(scope="module")
def digits() -> Predictions:
    """A logistic regression on a long-tailed half of the digits, tested on 885 = 59 × 15 others."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    test, pool = order[:885], order[885:]
    train_counts = np.array([int(80 * 0.05 ** (k / 9)) for k in range(10)])
    train = np.concatenate([pool[labels[pool] == k][:n] for k, n in enumerate(train_counts)])
    model = LogisticRegression(C=100.0, max_iter=2000).fit(images[train] / 16, labels[train])
    logits = model.decision_function(images[test] / 16)
    probabilities = model.predict_proba(images[test] / 16)
    confidence = probabilities.max(axis=1)
    # On an edge the libraries disagree, and torchmetrics rounds to float32: stay further off than that.
    assert np.abs(confidence[:, None] - np.linspace(0, 1, BINS + 1)).min() > 1e-6
    return Predictions(
        logits,
        probabilities,
        labels[test],
        train_counts,
        score(logits, labels[test], train_counts, bins=BINS, resamples=10),
    )


def torchmetrics_error(
    probabilities: np.ndarray, labels: np.ndarray, bins: int, norm: Literal["l1", "max"] = "l1"
) -> float:
    error = multiclass_calibration_error(
        torch.tensor(probabilities),
        torch.tensor(labels),
        num_classes=probabilities.shape[1],
        n_bins=bins,
        norm=norm,
    )
    return float(error)


def netcal_error(metric: type, probabilities: np.ndarray, labels: np.ndarray, bins: int, **options: bool) -> float:
    return float(metric(bins, **options).measure(probabilities, labels))


def weighted_curve_gap(hit: np.ndarray, probability: np.ndarray, bins: int) -> float:
    """Binary ECE from scikit-learn's right-closed curve, which hides its counts: those are ours."""
    accuracy, confidence = calibration_curve(hit, probability, n_bins=bins)
    count = calibration.reliability_bins(probability, hit, bins).count
    return float(count[count > 0] @ np.abs(accuracy - confidence) / len(hit))


def test_softmax_and_probabilities_of_scikit_learn_agree(digits: Predictions) -> None:
    np.testing.assert_allclose(scores.softmax(digits.logits), digits.probabilities, atol=1e-14)


def test_ece_and_mce_agree(digits: Predictions) -> None:
    ours = digits.result
    probabilities, labels = digits.probabilities, digits.labels
    assert ours["ece"] > 0.02  # a comparison of two zeros would prove nothing
    assert ours["ece"] == pytest.approx(netcal_error(ECE, probabilities, labels, BINS), abs=1e-12)
    assert ours["mce"] == pytest.approx(netcal_error(MCE, probabilities, labels, BINS), abs=1e-12)
    assert ours["ece"] == pytest.approx(torchmetrics_error(probabilities, labels, BINS), abs=1e-6)
    assert ours["mce"] == pytest.approx(torchmetrics_error(probabilities, labels, BINS, "max"), abs=1e-6)


@pytest.mark.parametrize("bins", [1, 7, 10, 20])
def test_ece_agrees_at_other_numbers_of_bins(digits: Predictions, bins: int) -> None:
    confidence = digits.probabilities.max(axis=1)
    ours = calibration.expected_calibration_error(
        confidence, digits.probabilities.argmax(axis=1) == digits.labels, bins
    )
    assert ours == pytest.approx(netcal_error(ECE, digits.probabilities, digits.labels, bins), abs=1e-12)


def test_reliability_bins_agree(digits: Predictions) -> None:
    confidence = digits.probabilities.max(axis=1)
    accuracy, mean_confidence = calibration_curve(
        digits.probabilities.argmax(axis=1) == digits.labels, confidence, n_bins=BINS
    )
    bins = digits.result["bins"]
    assert [value for value in bins["accuracy"] if value is not None] == pytest.approx(accuracy.tolist())
    assert [value for value in bins["confidence"] if value is not None] == pytest.approx(mean_confidence.tolist())
    assert bins["count"] == np.histogram(confidence, bins=bins["edges"])[0].tolist()


def test_equal_mass_error_agrees_where_the_bins_fill_evenly(digits: Predictions) -> None:
    # netcal cuts at quantiles, we cut the sorted list: the same as 885 = 59 × 15 and no confidence repeats.
    ours = digits.result["ace"]
    assert ours != pytest.approx(digits.result["ece"], abs=1e-6)
    for metric in (ECE, ACE):  # in bins of equal mass, weighting by images and by bins is the same
        theirs = netcal_error(metric, digits.probabilities, digits.labels, BINS, equal_intervals=False)
        assert ours == pytest.approx(theirs, abs=1e-12)


def test_classwise_error_agrees(digits: Predictions) -> None:
    per_class = [weighted_curve_gap(digits.labels == k, digits.probabilities[:, k], BINS) for k in range(10)]
    assert digits.result["cwece"] == pytest.approx(np.mean(per_class), abs=1e-12)


def test_accuracies_agree(digits: Predictions) -> None:
    probabilities, labels = torch.tensor(digits.probabilities), torch.tensor(digits.labels)
    micro = multiclass_accuracy(probabilities, labels, num_classes=10, average="micro")
    per_class = multiclass_accuracy(probabilities, labels, num_classes=10, average="none")
    assert digits.result["top1"] == pytest.approx(float(micro), abs=1e-6)
    np.testing.assert_allclose(digits.result["per_class"], per_class.numpy(), atol=1e-6)
    medium = (digits.train_counts >= 20) & (digits.train_counts <= 100)
    assert digits.result["group_sizes"] == {"many": 0, "medium": 5, "few": 5}
    assert digits.result["groups"]["many"] is None
    assert digits.result["groups"]["medium"] == pytest.approx(float(per_class[medium].mean()), abs=1e-6)
    assert digits.result["groups"]["few"] == pytest.approx(float(per_class[~medium].mean()), abs=1e-6)


def test_proper_scores_agree(digits: Predictions) -> None:
    nll = torch.nn.functional.cross_entropy(torch.tensor(digits.logits), torch.tensor(digits.labels))
    assert digits.result["nll"] == pytest.approx(float(nll), rel=1e-12)
    assert digits.result["nll"] == pytest.approx(log_loss(digits.labels, digits.probabilities), rel=1e-12)
    brier = brier_score_loss(digits.labels, digits.probabilities, scale_by_half=False)
    assert digits.result["brier"] == pytest.approx(brier, rel=1e-12)


def test_difference_on_an_inner_edge() -> None:
    # The edges of four bins are exact in binary. 0.5 (right) and 0.4 (wrong) share (0.25, 0.5] here, and part
    # at [0.5, 0.75) there. The third image gives netcal a third label.
    probabilities = np.array([[0.5, 0.25, 0.25], [0.4, 0.3, 0.3], [0.05, 0.05, 0.9]])
    labels = np.array([0, 1, 2])
    correct = probabilities.argmax(axis=1) == labels
    confidence = probabilities.max(axis=1)
    right_closed = 2 / 3 * abs(1 / 2 - 0.45) + 1 / 3 * 0.1
    left_closed = 1 / 3 * 0.5 + 1 / 3 * 0.4 + 1 / 3 * 0.1
    assert calibration.expected_calibration_error(confidence, correct, 4) == pytest.approx(right_closed)
    assert weighted_curve_gap(correct, confidence, 4) == pytest.approx(right_closed)
    assert netcal_error(ECE, probabilities, labels, 4) == pytest.approx(left_closed)
    assert torchmetrics_error(probabilities, labels, 4) == pytest.approx(left_closed, abs=1e-6)


def test_difference_at_confidence_one() -> None:
    # 1 (wrong) and 0.95 (right) are in the last bin here and in netcal; torchmetrics puts 1 into a 16th bin.
    probabilities = np.array([[1.0, 0.0, 0.0], [0.05, 0.95, 0.0], [0.1, 0.1, 0.8]])
    labels = np.array([2, 1, 0])
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    one_bin = 2 / 3 * abs(1 / 2 - 0.975) + 1 / 3 * 0.8
    two_bins = 1 / 3 * 1.0 + 1 / 3 * 0.05 + 1 / 3 * 0.8
    assert calibration.expected_calibration_error(confidence, correct) == pytest.approx(one_bin)
    assert netcal_error(ECE, probabilities, labels, BINS) == pytest.approx(one_bin)
    assert torchmetrics_error(probabilities, labels, BINS) == pytest.approx(two_bins, abs=1e-6)


def test_difference_just_above_one() -> None:
    # One float32 1.0000001 makes torchmetrics take the whole table for logits and apply another softmax.
    probabilities = np.array([[1.0000001, 0.0, 0.0], [0.0, 0.9, 0.1], [0.1, 0.1, 0.8]], dtype=np.float32)
    assert probabilities.max() > 1
    labels = np.array([0, 1, 2])
    by_hand = 1 / 3 * 0.0 + 1 / 3 * 0.1 + 1 / 3 * 0.2
    assert calibration.expected_calibration_error(probabilities.max(axis=1), [1, 1, 1]) == pytest.approx(
        by_hand, abs=1e-7
    )
    assert torchmetrics_error(probabilities.clip(max=1), labels, BINS) == pytest.approx(by_hand, abs=1e-6)
    assert torchmetrics_error(probabilities, labels, BINS) > 0.4


def test_difference_of_two_errors_that_share_the_name_ace(digits: Predictions) -> None:
    # netcal's default ACE is the *average* error: every filled equal-width bin weighs the same.
    theirs = netcal_error(ACE, digits.probabilities, digits.labels, BINS)
    diagram = calibration.reliability_bins(
        digits.probabilities.max(axis=1), digits.probabilities.argmax(axis=1) == digits.labels, BINS
    )
    assert theirs == pytest.approx(diagram.gap[diagram.count > 0].mean(), abs=1e-12)
    assert theirs != pytest.approx(digits.result["ace"], abs=1e-3)


def test_difference_when_the_test_set_holds_two_classes_only() -> None:
    # netcal guesses the task from the labels it sees: two of three classes are "binary", and it gives up.
    probabilities = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1]])
    labels = np.array([0, 1])
    assert score(np.log(probabilities), labels, [9, 9, 9], resamples=2)["ece"] == pytest.approx((0.3 + 0.4) / 2)
    with pytest.raises(RuntimeError, match="binary classification"):
        netcal_error(ECE, probabilities, labels, BINS)
