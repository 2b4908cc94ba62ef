from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from longtail.losses import balanced_softmax

COUNTS = [500, 314, 48, 5]


def build(tau=1.0, counts=COUNTS):
    return balanced_softmax.build({"name": "balanced_softmax", "tau": tau}, counts)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(0, 3, (40, 4)), rng.integers(0, 4, 40)


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_equals_the_definition(batch: Any, tau: float) -> None:
    """−log(n_y^τ·e^z_y / Σ_k n_k^τ·e^z_k)."""
    logits, labels = batch
    raised = np.array(COUNTS, dtype=np.float64) ** tau
    expected = [-np.log(raised[y] * np.exp(z[y]) / (raised * np.exp(z)).sum()) for z, y in zip(*batch, strict=True)]
    found = build(tau)(torch.tensor(logits), torch.tensor(labels))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_equal_logits_give_the_shares_of_the_classes() -> None:
    """n = 3 and 1: shares 3/4 and 1/4, at τ = 2 9/10 and 1/10."""
    logits, labels = torch.zeros(2, 2, dtype=torch.float64), torch.tensor([0, 1])
    np.testing.assert_allclose(build(1, [3, 1])(logits, labels), np.log([4 / 3, 4]), rtol=1e-12)
    np.testing.assert_allclose(build(2, [3, 1])(logits, labels), np.log([10 / 9, 10]), rtol=1e-12)


def test_tau_of_zero_or_equal_classes_are_cross_entropy(batch: Any) -> None:
    logits, labels = map(torch.tensor, batch)
    expected = F.cross_entropy(logits, labels, reduction="none")
    np.testing.assert_allclose(build(0)(logits, labels), expected, rtol=1e-12)
    np.testing.assert_allclose(build(1, [7] * 4)(logits, labels), expected, rtol=1e-12)
    assert (build(1)(logits, labels) - expected).abs().min() > 1e-3


def test_certain_and_wrong_stays_finite() -> None:
    found = build(1, [3, 1])(torch.tensor([[2000.0, -2000.0]]), torch.tensor([1]))
    np.testing.assert_allclose(found, [4000 + np.log(3)], rtol=1e-6)
