import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from longtail.losses import focal

WEIGHTS = np.array([0.05, 0.4, 1.0, 2.5, 4.0])


def build(form, gamma, weighted="outside"):
    return focal.build({"name": "focal", "form": form, "gamma": gamma, "weighted": weighted}, [5, 4, 3])


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(0, 3, (40, 5)), rng.integers(0, 5, 40)


def by_definition(logits, labels, form, gamma, weights=None, weighted="outside"):
    """Σ (1 − p_t)^γ·(−log p_t), with p_t written out for every image, and by sigmoids for every class."""
    losses = []
    for image, (z, y) in enumerate(zip(logits, labels, strict=True)):
        if form == "softmax":
            p_t = np.array([np.exp(z[y]) / np.exp(z).sum()])
        else:
            p_t = np.array([1 / (1 + np.exp(-z[k] if k == y else z[k])) for k in range(len(z))])
        weight = 1.0 if weights is None else weights[image]
        if weighted == "inside":
            p_t, weight = p_t**weight, 1.0
        losses.append(weight * ((1 - p_t) ** gamma * -np.log(p_t)).sum())
    return np.array(losses)


@pytest.mark.parametrize("weighted", ["outside", "inside"])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("form", ["softmax", "sigmoid"])
def test_equals_the_definition(batch: Any, form: str, gamma: float, weighted: str) -> None:
    logits, labels = batch
    weights = WEIGHTS[labels]
    loss = build(form, gamma, weighted)
    plain = loss(torch.tensor(logits), torch.tensor(labels))
    np.testing.assert_allclose(plain, by_definition(logits, labels, form, gamma), rtol=1e-9)
    found = loss(torch.tensor(logits), torch.tensor(labels), torch.tensor(weights))
    expected = by_definition(logits, labels, form, gamma, weights, weighted)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    other = by_definition(logits, labels, form, gamma, weights, "outside" if weighted == "inside" else "inside")
    assert np.abs(other / expected - 1).max() > 0.01


def test_softmax_form_by_hand() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]], dtype=torch.float64).log() + 7
    found = build("softmax", 2.0)(logits, torch.tensor([0, 1]))
    np.testing.assert_allclose(found, [0.25 * np.log(2), 0.81 * np.log(10)], rtol=1e-12)


def test_sigmoid_form_by_hand() -> None:
    """σ(log 3) = 3/4: the label's p_t is 3/4; of the others one has 1/4 and one, at z = 0, has 1/2."""
    logits = torch.tensor([[np.log(3), np.log(3), 0.0]])
    found = build("sigmoid", 2.0)(logits, torch.tensor([0]))
    expected = np.log(4 / 3) / 16 + np.log(4) * 9 / 16 + np.log(2) / 4
    np.testing.assert_allclose(found, [expected], rtol=1e-6)


def test_a_weight_inside_changes_how_easy_an_image_looks() -> None:
    """w = 2 and p = 1/2: outside 2·(1/2)·log 2; inside p becomes 1/4 and its loss (3/4)·2·log 2."""
    logits, labels, weights = torch.zeros(1, 2, dtype=torch.float64), torch.tensor([1]), torch.tensor([2.0])
    found = [float(build("softmax", 1.0, weighted)(logits, labels, weights)) for weighted in ("outside", "inside")]
    assert found == pytest.approx([np.log(2), 1.5 * np.log(2)], rel=1e-12)


@pytest.mark.parametrize("weighted", ["outside", "inside"])
def test_gamma_of_zero_is_cross_entropy(batch: Any, weighted: str) -> None:
    logits, labels = map(torch.tensor, batch)
    weights = torch.tensor(WEIGHTS)[labels]
    of_softmax = F.cross_entropy(logits, labels, reduction="none")
    own = F.one_hot(labels, 5).double()
    of_sigmoids = F.binary_cross_entropy_with_logits(logits, own, reduction="none").sum(1)
    for form, expected in (("softmax", of_softmax), ("sigmoid", of_sigmoids)):
        found = build(form, 0.0, weighted)(logits, labels, weights)
        np.testing.assert_allclose(found, weights * expected, rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("form", ["softmax", "sigmoid"])
def test_a_certain_and_right_image_has_no_loss_and_no_slope(form: str, gamma: float) -> None:
    for dtype, weighted in itertools.product([torch.float32, torch.float64], ["outside", "inside"]):
        logits = torch.tensor([[2000.0, -2000.0, -2000.0]], dtype=dtype, requires_grad=True)
        value = build(form, gamma, weighted)(logits, torch.tensor([0]), torch.tensor([3.0]))
        (slope,) = torch.autograd.grad(value.sum(), logits)
        assert (value.tolist(), slope.tolist()) == ([0.0], [[0.0, 0.0, 0.0]]), (dtype, weighted)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("form", ["softmax", "sigmoid"])
def test_a_certain_and_wrong_image_stays_finite(form: str, gamma: float) -> None:
    logits = torch.tensor([[2000.0, -2000.0]], requires_grad=True)
    value = build(form, gamma)(logits, torch.tensor([1]))
    (slope,) = torch.autograd.grad(value.sum(), logits)
    assert value.tolist() == [4000.0]  # one difference of logits, or two sigmoids of 2000 each
    assert slope.tolist() == [[1.0, -1.0]]


def test_what_is_missing_to_a_probability_near_1_is_not_lost() -> None:
    """1 − σ(40) = e^−40 to all digits, where 1 − p in float64 would be 0."""
    found = build("sigmoid", 2.0)(torch.tensor([[40.0, -40.0]], dtype=torch.float64), torch.tensor([0]))
    np.testing.assert_allclose(found, [2 * np.exp(-120.0)], rtol=1e-12)


@pytest.mark.parametrize("form", ["softmax", "sigmoid"])
def test_the_slope_is_finite_at_the_largest_gamma_that_is_allowed(form: str) -> None:
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0], [0.0, 0.0]], requires_grad=True)
    focal.Focal(focal.SETTINGS["gamma"]["maximum"], form)(logits, torch.tensor([0, 0, 1])).sum().backward()
    assert logits.grad.isfinite().all()
