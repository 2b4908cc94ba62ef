from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from longtail.imbalance import class_counts
from longtail.runtime.errors import InputError
from longtail.weightings import class_balanced
from longtail.weightings.class_balanced import class_weights

COUNTS = [500, 314, 48, 5]
# Methods card 1.11.
CIFAR10_IF100 = [0.0506, 0.0769, 0.1211, 0.1950, 0.3188, 0.5246, 0.8683, 1.4426, 2.4092, 3.9927]


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return torch.tensor(rng.normal(0, 3, (40, 4))), torch.tensor(rng.choice(4, 40, p=[0.5, 0.3, 0.1, 0.1]))


def build(mean, beta=0.999):
    return class_balanced.build({"name": "class_balanced", "beta": beta, "mean": mean}, COUNTS)


def test_weights_of_cifar10_at_factor_100() -> None:
    np.testing.assert_allclose(class_weights(class_counts(5000, 100, 10), 0.9999), CIFAR10_IF100, atol=5e-5)


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.9999])
def test_a_class_weighs_one_over_its_effective_number(beta: float) -> None:
    """E_n = 1 + β + … + β^(n−1)."""
    inverse = np.array([1 / sum(beta**power for power in range(count)) for count in COUNTS])
    np.testing.assert_allclose(class_weights(COUNTS, beta), 4 * inverse / inverse.sum(), rtol=1e-9)


def test_beta_of_zero_weighs_classes_alike_and_near_one_by_their_size() -> None:
    np.testing.assert_array_equal(class_weights(COUNTS, 0.0), np.ones(4))
    inverse = 1 / np.array(COUNTS)
    np.testing.assert_allclose(class_weights(COUNTS, 1 - 1e-7), 4 * inverse / inverse.sum(), rtol=1e-4)


def test_beta_of_one_is_the_limit_of_inverse_frequency() -> None:
    inverse = 1 / np.array(COUNTS)
    np.testing.assert_allclose(class_weights(COUNTS, 1.0), 4 * inverse / inverse.sum(), rtol=1e-12)
    np.testing.assert_allclose(class_weights(COUNTS, 1 - 2**-53), class_weights(COUNTS, 1.0), rtol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.9999, 1.0])
@pytest.mark.parametrize("counts", [[100, 0], [0], [5, -1], [float("nan"), 3]])
def test_a_class_without_images_has_no_weight(counts: list[Any], beta: float) -> None:
    with pytest.raises(InputError, match=r"must each be at least 1: leave classes without images out$"):
        class_weights(counts, beta)


@pytest.mark.parametrize("beta", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_beta_that_weighs_nothing_is_refused(beta: float) -> None:
    with pytest.raises(InputError, match=r"^beta is .*, which weighs no class: choose a number from 0 to 1$"):
        class_weights(COUNTS, beta)


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(1, 10_000), min_size=1, max_size=30), beta=st.floats(0, 0.99999))
def test_weights_have_a_mean_of_1_and_fall_with_size(counts: Any, beta: Any) -> None:
    found = class_weights(sorted(counts), beta)
    assert found.sum() == pytest.approx(len(counts), rel=1e-12)
    assert (found > 0).all()
    assert (found[1:] <= found[:-1] * (1 + 1e-12)).all()
    for shuffled, weight in zip(counts, class_weights(counts, beta), strict=True):
        assert weight == pytest.approx(found[sorted(counts).index(shuffled)], rel=1e-9)


def test_mean_of_weights_is_pytorchs_weighted_cross_entropy(batch: Any) -> None:
    logits, labels = batch
    expected = F.cross_entropy(logits, labels, weight=torch.tensor(class_weights(COUNTS, 0.999)))
    found = (build("weights")(labels) * F.cross_entropy(logits, labels, reduction="none")).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_mean_of_images_is_a_sum_over_their_number(batch: Any) -> None:
    logits, labels = batch
    of_classes = torch.tensor(class_weights(COUNTS, 0.999))
    expected = F.cross_entropy(logits, labels, weight=of_classes, reduction="sum") / 40
    found = (build("images")(labels) * F.cross_entropy(logits, labels, reduction="none")).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert abs(float(build("weights")(labels).mean() / build("images")(labels).mean()) - 1) > 0.1


@pytest.mark.parametrize("mean", ["images", "weights"])
def test_weights_are_float32_and_one_an_image(mean: str) -> None:
    weights = build(mean)(torch.tensor([3, 0, 3]))
    assert weights.dtype == torch.float32
    assert weights[0] == weights[2] > weights[1]
    assert float(weights[0] / weights[1]) == pytest.approx((1 - 0.999**500) / (1 - 0.999**5), rel=1e-5)
