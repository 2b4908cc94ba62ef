import math

import numpy as np
import pytest
import torch

from longtail.heads import causal_norm
from longtail.runtime.errors import InputError

SETTINGS = {"name": "causal_norm", "heads": 2, "tau": 16.0, "gamma": 1 / 32, "mu": 0.9, "alpha": 1.5}
FEATURES, CLASSES = 12, 4


def build(**changes):
    torch.manual_seed(0)
    return causal_norm.build(SETTINGS | changes, FEATURES, CLASSES).double()


def trained(mean, **changes):
    """A head whose mean feature is this, ready to test."""
    head = build(**changes).eval()
    head.mean.copy_(torch.as_tensor(mean))
    return head


def features(rows=6, seed=0):
    return np.random.default_rng(seed).normal(0.5, 2, (rows, FEATURES))


def logits_of(head, rows):
    return head(torch.tensor(rows)).detach().numpy()


def by_definition(head, rows, heads, gamma=1 / 32, mean=None, alpha=0.0):
    """(τ/H)·Σ_h (x̂_h − α·cos(x_h, d_h)·d̂_h)·w_kh/(‖w_kh‖ + γ), by loops over images, classes and parts."""
    weight = head.weight.detach().numpy()
    size = FEATURES // heads
    found = np.zeros((len(rows), CLASSES))
    for image, x in enumerate(rows):
        for k, w in enumerate(weight):
            for h in range(heads):
                part = slice(h * size, (h + 1) * size)
                x_h, w_h = x[part], w[part]
                unit = x_h / math.sqrt((x_h**2).sum())
                if mean is not None:
                    d_h = mean[part] / math.sqrt((mean[part] ** 2).sum())
                    unit = unit - alpha * (unit @ d_h) * d_h
                found[image, k] += 16.0 / heads * (unit @ w_h) / (math.sqrt((w_h**2).sum()) + gamma)
    return found


@pytest.mark.parametrize("gamma", [0.0, 1 / 32, 0.5])
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_training_logits_equal_the_definition(heads: int, gamma: float) -> None:
    head, rows = build(heads=heads, gamma=gamma).train(), features()
    np.testing.assert_allclose(logits_of(head, rows), by_definition(head, rows, heads, gamma), rtol=1e-10)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_testing_removes_the_mean_features_effect(heads: int, alpha: float) -> None:
    rows, mean = features(), features(1, seed=1)[0]
    head = trained(mean, heads=heads, alpha=alpha)
    expected = by_definition(head, rows, heads, mean=mean, alpha=alpha)
    np.testing.assert_allclose(logits_of(head, rows), expected, rtol=1e-9, atol=1e-12)
    assert np.abs(expected - by_definition(head, rows, heads)).max() > 0.1


def test_alpha_of_zero_removes_nothing() -> None:
    rows = features()
    head = trained(features(1, seed=1)[0], alpha=0.0)
    np.testing.assert_array_equal(logits_of(head, rows), logits_of(head.train(), rows))


def test_before_any_training_there_is_nothing_to_remove() -> None:
    rows = features()
    head = build().eval()
    assert not head.mean.any()
    np.testing.assert_array_equal(logits_of(head, rows), logits_of(head.train(), rows))


def test_what_is_removed_is_not_there_to_be_removed_again() -> None:
    rows, mean = features(), features(1, seed=1)[0]
    head = trained(mean, alpha=1.0)
    remaining = np.zeros_like(rows)
    for part in (slice(0, 6), slice(6, 12)):
        direction = mean[part] / np.linalg.norm(mean[part])
        remaining[:, part] = rows[:, part] - np.outer(rows[:, part] @ direction, direction)
    twice = logits_of(head, remaining)
    np.testing.assert_allclose(twice, by_definition(head, remaining, 2), rtol=1e-10)
    # Nothing but the mean feature is left with nothing.
    np.testing.assert_allclose(logits_of(head, mean[None]), np.zeros((1, CLASSES)), atol=1e-12)


def test_removing_twice_over_turns_the_effect_around() -> None:
    """x̂ − 2·cos·d̂ mirrors x̂: the mean feature itself becomes its opposite."""
    mean = features(1, seed=1)
    head = trained(mean[0], alpha=2.0)
    np.testing.assert_allclose(logits_of(head, mean), -by_definition(head, mean, 2), rtol=1e-10)


def test_only_the_direction_of_the_mean_counts() -> None:
    rows, mean = features(), features(1, seed=1)[0]
    expected = logits_of(trained(mean), rows)
    np.testing.assert_allclose(logits_of(trained(7 * mean), rows), expected, rtol=1e-10)
    stretched = np.concatenate([0.1 * mean[:6], 5 * mean[6:]])  # each part has a direction of its own
    np.testing.assert_allclose(logits_of(trained(stretched), rows), expected, rtol=1e-10)
    assert np.abs(logits_of(trained(mean[::-1].copy()), rows) - expected).max() > 0.1


def test_mean_runs_in_training_only() -> None:
    head, first, second = build(mu=0.75), features(seed=2), features(4, seed=3)
    head.train()(torch.tensor(first))
    head.eval()(torch.tensor(features(seed=4)))
    head.train()(torch.tensor(second))
    np.testing.assert_allclose(head.mean, 0.75 * first.mean(0) + second.mean(0), rtol=1e-12)
    before = head.mean.clone()
    head.eval()(torch.tensor(first))
    assert torch.equal(head.mean, before)


def test_mean_is_kept_with_the_weights_and_is_not_learnt() -> None:
    head = build().train()
    rows = torch.tensor(features(), requires_grad=True)
    for _ in range(2):  # the second pass would find the graph of the first freed
        head(rows).sum().backward()
    assert not head.mean.requires_grad
    assert set(head.state_dict()) == {"weight", "mean"}
    assert [name for name, _ in head.named_parameters()] == ["weight"]


def test_length_of_a_feature_does_not_count() -> None:
    rows = features()
    head = trained(features(1, seed=1)[0])
    np.testing.assert_allclose(logits_of(head, 9 * rows), logits_of(head, rows), rtol=1e-10)


def test_weights_begin_uniform_within_one_over_the_root_of_the_features() -> None:
    torch.manual_seed(0)
    weight = causal_norm.build(SETTINGS, 64, 100).weight
    assert 0.99 / 8 < weight.abs().max() <= 1 / 8
    assert weight.std().item() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.02)


def test_features_that_do_not_split_are_refused() -> None:
    with pytest.raises(InputError, match=r"heads=5 .* 12 features"):
        build(heads=5)
