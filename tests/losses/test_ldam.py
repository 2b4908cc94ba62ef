from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from longtail.imbalance import class_counts
from longtail.losses import ldam

COUNTS = [500, 314, 48, 5]
# Methods card 1.11.
CIFAR10_IF100 = [0.1581, 0.1797, 0.2042, 0.2321, 0.2638, 0.2998, 0.3407, 0.3872, 0.4405, 0.5]


def build(counts=COUNTS, max_margin=0.5, scale=30.0):
    return ldam.build({"name": "ldam", "max_margin": max_margin, "scale": scale}, counts)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (40, 4)), rng.integers(0, 4, 40)


def test_margins_of_cifar10_at_factor_100() -> None:
    counts = class_counts(5000, 100, 10)
    np.testing.assert_allclose(build(counts).margins, CIFAR10_IF100, atol=5e-5)
    np.testing.assert_allclose(build(counts, max_margin=0.3).margins, np.array(CIFAR10_IF100) * 0.6, atol=5e-5)


def test_equals_the_definition(batch: Any) -> None:
    """s·(cos − margin) for the label, s·cos for the others; n^(−1/4) scaled to 0.5 at n = 5."""
    cosines, labels = batch
    losses = []
    for cosine, y in zip(cosines, labels, strict=True):
        z = 30 * cosine
        z[y] = 30 * (cosine[y] - 0.5 * (5 / COUNTS[y]) ** 0.25)
        losses.append(np.log(np.exp(z).sum()) - z[y])
    found = build()(torch.tensor(30 * cosines), torch.tensor(labels))
    np.testing.assert_allclose(found, losses, rtol=1e-10)


def test_margin_worked_out_by_hand() -> None:
    """n = 16 and 1: margins 1/4 and 1/2. With s = 2, 1 − 2/4 ties with 0.5, and 0.5 − 2/2 is −0.5 against 1."""
    logits = torch.tensor([[1.0, 0.5]] * 2, dtype=torch.float64)
    found = build([16, 1], scale=2.0)(logits, torch.tensor([0, 1]))
    np.testing.assert_allclose(found, [np.log(2), np.log1p(np.exp(1.5))], rtol=1e-12)


def test_without_a_margin_it_is_cross_entropy(batch: Any) -> None:
    logits, labels = map(torch.tensor, batch)
    expected = F.cross_entropy(logits, labels, reduction="none")
    np.testing.assert_allclose(build(max_margin=0)(logits, labels), expected, rtol=1e-12)


def test_logits_are_left_as_they_are(batch: Any) -> None:
    logits, labels = map(torch.tensor, batch)
    before = logits.clone()
    build()(logits, labels)
    assert torch.equal(logits, before)
