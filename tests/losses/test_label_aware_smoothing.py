from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from longtail.losses import label_aware_smoothing
from longtail.runtime.errors import InputError

COUNTS = [500, 314, 48, 5]
EPSILON = [0.4, 0.2873, 0.1261, 0.1]  # linear, ε_1 = 0.4 and ε_K = 0.1


def settings(**changes):
    return {"head": 0.4, "tail": 0.1, "form": "linear", "las_form": "code", **changes}


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(0, 3, (40, 4)), rng.integers(0, 4, 40)


def by_definition(logits, labels, epsilon, las_form):
    """−Σ q_i log p_i, with the distribution q over classes written out for every image."""
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    classes = logits.shape[1]
    losses = []
    for p, y in zip(probabilities, labels, strict=True):
        others = epsilon[y] / classes if las_form == "code" else epsilon[y] / (classes - 1)
        q = np.full(classes, others)
        q[y] = 1 - epsilon[y] + (others if las_form == "code" else 0)
        assert q.sum() == pytest.approx(1, abs=1e-12)
        losses.append(-(q * np.log(p)).sum())
    return np.array(losses)


@pytest.mark.parametrize("las_form", ["code", "paper"])
def test_equals_the_definition(batch: Any, las_form: str) -> None:
    logits, labels = batch
    n = np.array(COUNTS)
    epsilon = 0.1 + 0.3 * (n - 5) / 495
    np.testing.assert_allclose(epsilon, EPSILON, atol=5e-5)
    loss = label_aware_smoothing.build(settings(las_form=las_form), COUNTS)
    found = loss(torch.tensor(logits), torch.tensor(labels))
    np.testing.assert_allclose(found, by_definition(logits, labels, epsilon, las_form), rtol=1e-6)


def test_forms_differ(batch: Any) -> None:
    logits, labels = map(torch.tensor, batch)
    code, paper = (label_aware_smoothing.build(settings(las_form=form), COUNTS) for form in ("code", "paper"))
    # (ε/K against ε/(K−1)) the paper's form smooths K/(K−1) times as much.
    plain = F.cross_entropy(logits, labels, reduction="none")
    ratio = (paper(logits, labels) - plain) / (code(logits, labels) - plain)
    np.testing.assert_allclose(ratio, 4 / 3, rtol=1e-4)


@pytest.mark.parametrize("las_form", ["code", "paper"])
def test_no_smoothing_is_cross_entropy(batch: Any, las_form: str) -> None:
    logits, labels = map(torch.tensor, batch)
    loss = label_aware_smoothing.build(settings(head=0.0, tail=0.0, las_form=las_form), COUNTS)
    np.testing.assert_allclose(loss(logits, labels), F.cross_entropy(logits, labels, reduction="none"), rtol=1e-12)


def test_lowest_loss_is_at_the_smoothed_label() -> None:
    loss = label_aware_smoothing.build(settings(las_form="paper"), COUNTS)
    target = torch.tensor([[0.6, 0.4 / 3, 0.4 / 3, 0.4 / 3]], dtype=torch.float64)
    logits = target.log().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(logits, torch.tensor([0])).sum(), logits)
    np.testing.assert_allclose(gradient, np.zeros((1, 4)), atol=1e-7)


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"head": 1.0}, "head=1.0"), ({"form": "cubic"}, "'cubic'")],
)
def test_bad_settings_are_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        label_aware_smoothing.build(settings(**changes), COUNTS)


def test_one_class_has_no_others_to_spread_over() -> None:
    with pytest.raises(InputError, match="spreads over the other classes, and there is one class: use 'code'"):
        label_aware_smoothing.build(settings(las_form="paper"), [5])
    one = label_aware_smoothing.build(settings(las_form="code"), [5])
    assert one(torch.zeros(2, 1), torch.zeros(2, dtype=torch.long)).tolist() == [0, 0]
