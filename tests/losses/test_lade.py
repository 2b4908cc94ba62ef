from typing import Any

import numpy as np
import pytest
import torch

from longtail.losses import balanced_softmax, lade

COUNTS = [500, 314, 48, 5]
PRIOR = np.array(COUNTS) / sum(COUNTS)


def build(alpha=0.1, lambda_=0.01, counts=COUNTS):
    return lade.build({"name": "lade", "alpha": alpha, "lambda": lambda_}, counts)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(0, 3, (40, 4)), rng.integers(0, 4, 40)


def balanced(logits, labels):
    pairs = zip(logits, labels, strict=True)
    return np.array([np.log((PRIOR * np.exp(z)).sum()) - z[y] - np.log(PRIOR[y]) for z, y in pairs])


def regulariser(logits, labels, lambda_):
    """−Σ_c π_c·T_c, by loops over classes and images."""
    total = 0.0
    for c, share in enumerate(PRIOR):
        own, exponentials = [], []
        for z, y in zip(logits, labels, strict=True):
            if y == c:
                own.append(z[c])
            exponentials.append(np.exp(z[c] - np.log(share) + np.log(1 / len(PRIOR))))
        bound = np.log(sum(exponentials) / len(exponentials))
        mean = sum(own) / len(own) if own else 0.0
        total -= share * (mean - bound - lambda_ * bound**2)
    return total


@pytest.mark.parametrize(("alpha", "lambda_"), [(0.1, 0.01), (1.0, 0.0), (0.5, 2.0)])
@pytest.mark.parametrize("absent", [None, 0, 3])
def test_equals_the_definition(batch: Any, alpha: float, lambda_: float, absent: int | None) -> None:
    logits, labels = batch
    if absent is not None:
        labels = np.where(labels == absent, 1, labels)
    assert len(set(labels.tolist())) == (4 if absent is None else 3)
    expected = balanced(logits, labels) + alpha * regulariser(logits, labels, lambda_)
    found = build(alpha, lambda_)(torch.tensor(logits), torch.tensor(labels))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_regulariser_by_hand() -> None:
    """Two equal classes and one image of class 0 with z = (3, 5): D = z, T_0 = −λ·9 and T_1 = −5 − λ·25."""
    loss = build(lambda_=0.1, counts=[8, 8])
    found = loss.regulariser(torch.tensor([[3.0, 5.0]], dtype=torch.float64), torch.tensor([0]))
    assert float(found) == pytest.approx((0.9 + 5 + 2.5) / 2, rel=1e-12)


def test_alpha_of_zero_is_balanced_softmax(batch: Any) -> None:
    logits, labels = map(torch.tensor, batch)
    plain = balanced_softmax.build({"name": "balanced_softmax", "tau": 1.0}, COUNTS)
    assert torch.equal(build(alpha=0.0)(logits, labels), plain(logits, labels))


def test_regulariser_has_a_slope_where_a_class_is_absent(batch: Any) -> None:
    logits, labels = torch.tensor(batch[0], requires_grad=True), torch.tensor(batch[1]).clamp(max=2)
    (slope,) = torch.autograd.grad(build().regulariser(logits, labels), logits)
    # ∂R/∂z_i3 = π_3·(1 + 2λD)·softmax_i over the batch: a class's slopes add up to π_3·(1 + 2λD).
    spread = logits.detach().numpy()[:, 3] - np.log(PRIOR[3]) - np.log(4)
    bound = np.log(np.exp(spread).mean())
    np.testing.assert_allclose(slope[:, 3].sum(), PRIOR[3] * (1 + 0.02 * bound), rtol=1e-10)


def test_large_logits_stay_finite() -> None:
    logits = torch.tensor([[2000.0, -2000.0, 0.0, 0.0]] * 2, requires_grad=True)
    loss = build()(logits, torch.tensor([0, 1])).sum()
    (slope,) = torch.autograd.grad(loss, logits)
    assert torch.isfinite(loss)
    assert torch.isfinite(slope).all()
