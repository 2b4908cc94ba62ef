import numpy as np
import pytest

from longtail.evaluate import stratified
from longtail.runtime.errors import InputError


def drawn(labels: np.ndarray, resamples: int, seed: int = 0) -> np.ndarray:
    return np.concatenate(list(stratified.weights(labels, resamples, seed)))


def test_each_class_keeps_its_weight_and_one_seed_draws_the_same() -> None:
    labels = np.array([0, 2, 2, 0, 1, 1, 1, 0, 2, 2])

    weights = drawn(labels, 300)

    assert weights.shape == (300, 10)
    for number, size in enumerate(np.bincount(labels)):
        np.testing.assert_allclose(weights[:, labels == number].sum(axis=1), size)
    np.testing.assert_array_equal(weights, drawn(labels, 300))
    assert not np.array_equal(weights, drawn(labels, 300, seed=1))


def test_the_variance_of_a_mean_is_its_unbiased_estimate() -> None:
    """Two images of one class and five of the other, against the textbook: Σ (n_c/N)² s_c²/n_c."""
    labels, values = np.array([0, 0, 1, 1, 1, 1, 1]), np.array([0.0, 3.0, 1.0, 5.0, 2.0, 2.0, 9.0])

    means = drawn(labels, 40_000) @ values / 7

    by_class = [values[labels == number] for number in (0, 1)]
    expected = sum((len(of) / 7) ** 2 * of.var(ddof=1) / len(of) for of in by_class)
    assert means.mean() == pytest.approx(values.mean(), abs=0.02)
    assert means.var() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, 0, 0, 1, 1, 2]])
def test_classes_of_one_image_are_drawn_with_others(labels: list[int]) -> None:
    """Alone they would be in every resample, and nothing would vary."""
    weights = drawn(np.array(labels), 200)

    assert (weights.var(axis=0)[-1:] > 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), len(labels))


def test_a_single_image_stays_what_it_is() -> None:
    np.testing.assert_array_equal(drawn(np.array([0]), 5), np.ones((5, 1)))


def test_no_resample_is_refused() -> None:
    with pytest.raises(InputError, match="set resamples to 1000"):
        drawn(np.array([0, 1]), 0)
