from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtail.evaluate import calibration
from longtail.evaluate.calibration import (
    adaptive_calibration_error,
    bin_edges,
    bin_index,
    classwise_calibration_error,
    expected_calibration_error,
    maximum_calibration_error,
    reliability_bins,
    signed_gap,
)
from longtail.runtime.errors import InputError

# Bins 1, 8, 9, 15, 15: |0 − 1/15|, |1 − 0.5|, |0 − 0.55| weigh 1/5 each, |1 − 0.975| weighs 2/5.
CONFIDENCE = np.array([1 / 15, 0.5, 0.55, 0.95, 1.0])
CORRECT = np.array([0, 1, 0, 1, 1])

predictions = st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=60).map(
    lambda pairs: (np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs]))
)
bin_numbers = st.integers(1, 40)
hits_of_n = st.integers(1, 20).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
# A busy machine must not turn a property red.
any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ERRORS = [expected_calibration_error, maximum_calibration_error, adaptive_calibration_error]


def test_fixture_bins() -> None:
    assert (bin_index(CONFIDENCE, 15) + 1).tolist() == [1, 8, 9, 15, 15]
    diagram = reliability_bins(CONFIDENCE, CORRECT)
    filled = diagram.count > 0
    assert diagram.count[filled].tolist() == [1, 1, 1, 2]
    np.testing.assert_array_equal(diagram.accuracy[filled], [0, 1, 0, 1])
    np.testing.assert_allclose(diagram.confidence[filled], [1 / 15, 0.5, 0.55, 0.975])
    assert np.isnan(diagram.accuracy[~filled]).all()
    assert np.isnan(diagram.confidence[~filled]).all()


def test_fixture_errors() -> None:
    assert expected_calibration_error(CONFIDENCE, CORRECT) == pytest.approx(0.23333, abs=5e-6)
    assert expected_calibration_error(CONFIDENCE, CORRECT) == pytest.approx(
        (1 / 15 + 0.5 + 0.55 + 2 * 0.025) / 5, rel=1e-12
    )
    assert maximum_calibration_error(CONFIDENCE, CORRECT) == 0.55
    assert signed_gap(CONFIDENCE, CORRECT) == pytest.approx((1 / 15 + 0.5 + 0.55 + 0.95 + 1.0) / 5 - 0.6)


@pytest.mark.parametrize("bins", [1, 7, 10, 15, 20])
def test_a_confidence_on_an_edge_belongs_to_the_bin_below_it(bins: int) -> None:
    edges = bin_edges(bins)
    assert bin_index(edges[1:], bins).tolist() == list(range(bins))
    assert bin_index(np.nextafter(edges[:-1], 1.0), bins).tolist() == list(range(bins))
    assert bin_index(edges[:1], bins).tolist() == [0]


def test_a_float32_softmax_just_above_one_counts_as_one() -> None:
    above = np.array([1.0000001, 0.95], dtype=np.float32)
    assert above[0] > 1
    diagram = reliability_bins(above, [True, False])
    assert diagram.count[-1] == 2
    assert diagram.confidence[-1] == (1.0 + np.float64(np.float32(0.95))) / 2


def test_float32_confidences_are_summed_in_float64() -> None:
    # A float32 sum of these is off by 1e-8 at best, and by 1e-3 if it runs from left to right.
    confidence = np.full(100_000, 0.1, dtype=np.float32)
    assert reliability_bins(confidence, confidence > 1).confidence[1] == pytest.approx(
        float(confidence[0]), rel=1e-11
    )


def test_adaptive_error_by_hand() -> None:
    # Two bins of three: |1/3 − 0.3| and |2/3 − 0.8|, each with half the images.
    confidence = [0.9, 0.2, 0.7, 0.3, 0.8, 0.4]
    correct = [1, 0, 0, 0, 1, 1]
    by_hand = (abs(1 / 3 - 0.3) + abs(2 / 3 - 0.8)) / 2
    assert adaptive_calibration_error(confidence, correct, bins=2) == pytest.approx(by_hand, rel=1e-12)


def test_adaptive_error_does_not_depend_on_the_order_of_ties() -> None:
    confidence = np.full(30, 0.8)
    sorted_by_outcome = np.arange(30) < 24
    shuffled = np.random.default_rng(0).permutation(sorted_by_outcome)
    assert adaptive_calibration_error(confidence, sorted_by_outcome) == pytest.approx(0.0, abs=1e-15)
    assert adaptive_calibration_error(confidence, shuffled) == pytest.approx(0.0, abs=1e-15)


def test_adaptive_error_of_fewer_images_than_bins_takes_each_image_alone() -> None:
    assert adaptive_calibration_error([0.9, 0.6], [1, 0]) == pytest.approx((0.1 + 0.6) / 2)


def test_classwise_error_by_hand() -> None:
    # Two bins. Class 0: 0.8, 0.6 -> one hit of two against 0.7; 0.3 -> no hit. Class 1 mirrors it.
    probabilities = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    labels = np.array([0, 1, 1])
    class_0 = 2 / 3 * abs(0.5 - 0.7) + 1 / 3 * abs(0 - 0.3)
    class_1 = 2 / 3 * abs(0.5 - 0.3) + 1 / 3 * abs(1 - 0.7)
    error = classwise_calibration_error(probabilities, labels, bins=2)
    assert error == pytest.approx((class_0 + class_1) / 2, rel=1e-12)


def test_classwise_error_counts_a_probability_of_exactly_zero() -> None:
    assert classwise_calibration_error(np.array([[1.0, 0.0]]), np.array([1])) == 1.0


@any_speed
@given(predictions, bin_numbers)
def test_every_error_lies_between_zero_and_one(prediction: Any, bins: Any) -> None:
    confidence, correct = prediction
    for error in ERRORS:
        assert 0.0 <= error(confidence, correct, bins) <= 1.0


@any_speed
@given(predictions, bin_numbers)
def test_signed_gap_is_no_larger_than_ece_and_ece_no_larger_than_mce(prediction: Any, bins: Any) -> None:
    confidence, correct = prediction
    ece = expected_calibration_error(confidence, correct, bins)
    assert abs(signed_gap(confidence, correct)) <= ece + 1e-12
    assert abs(signed_gap(confidence, correct)) <= adaptive_calibration_error(confidence, correct, bins) + 1e-12
    assert ece <= maximum_calibration_error(confidence, correct, bins) + 1e-12


@any_speed
@given(predictions, bin_numbers)
def test_one_bin_or_one_sided_gaps_leave_only_the_signed_gap(prediction: Any, bins: Any) -> None:
    confidence, correct = prediction
    gap = signed_gap(confidence, correct)
    assert expected_calibration_error(confidence, correct, bins=1) == pytest.approx(abs(gap), abs=1e-12)
    never = np.zeros_like(correct)
    assert expected_calibration_error(confidence, never, bins) == pytest.approx(confidence.mean(), abs=1e-12)


@any_speed
@given(predictions, bin_numbers, st.randoms(use_true_random=False))
def test_order_of_images_does_not_matter(prediction: Any, bins: Any, random: Any) -> None:
    confidence, correct = prediction
    order = np.array(random.sample(range(len(confidence)), len(confidence)))
    for error in ERRORS:
        assert error(confidence[order], correct[order], bins) == pytest.approx(
            error(confidence, correct, bins), abs=1e-12
        )


@any_speed
@given(predictions, bin_numbers)
def test_every_image_is_in_exactly_the_bin_that_holds_it(prediction: Any, bins: Any) -> None:
    confidence, correct = prediction
    diagram = reliability_bins(confidence, correct, bins)
    assert diagram.count.sum() == len(confidence)
    index = bin_index(confidence, bins)
    assert (confidence <= diagram.edges[index + 1]).all()
    assert ((confidence > diagram.edges[index]) | (confidence == 0.0)).all()


@any_speed
@given(st.lists(hits_of_n, min_size=1, max_size=8), bin_numbers)
def test_a_perfectly_calibrated_model_has_no_error(groups: Any, bins: Any) -> None:
    # Each group of n images has `hits` correct ones and confidence hits / n.
    confidence = np.concatenate([np.full(n, hits / n) for hits, n in groups])
    correct = np.concatenate([np.arange(n) < hits for hits, n in groups])
    for error in ERRORS:
        assert error(confidence, correct, bins) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("error", [*ERRORS, reliability_bins])
@pytest.mark.parametrize(
    ("confidence", "correct", "bins", "message"),
    [
        ([], [], 15, "at least one image"),
        ([0.5, 0.6], [1], 15, "one entry of each"),
        ([[0.5]], [[1]], 15, "one entry of each"),
        ([0.5, 95.0], [1, 1], 15, "leaves"),
        ([0.5, 1.00001], [1, 1], 15, "leaves"),
        ([0.5, -0.1], [1, 1], 15, "leaves"),
        ([0.5, float("nan")], [1, 1], 15, "leaves"),
        ([0.5], [1], 0, "set bins to 15"),
    ],
)
def test_bad_input_is_one_sentence(
    error: Callable[..., Any], confidence: list[Any], correct: list[Any], bins: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        error(confidence, correct, bins)


def test_signed_gap_refuses_percent() -> None:
    with pytest.raises(InputError, match="leaves"):
        calibration.signed_gap([95.0], [1])
