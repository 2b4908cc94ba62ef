import numpy as np
import pytest
import torch
from tests.stage2.generators import references

from longtail.runtime.errors import InputError
from longtail.stage2.generators import dc

SETTINGS = {"k": 2, "alpha": 0.21, "head_rule": "share", "head_size": 0.6}


def on_digits(**changes):
    return dc.build(SETTINGS | changes, *references.digits(), references.COUNTS)


def calibrated(row, k, alpha):
    """μ' and Σ' as the few-shot paper defines them."""
    features, labels = references.digits()
    means, covariances = references.statistics(features, labels, references.HEADS)
    point = features[row].double().numpy()
    chosen = np.argsort(np.linalg.norm(means - point, axis=1))[:k]
    return np.mean([*means[chosen], point], axis=0), covariances[chosen].mean(axis=0) + alpha


@pytest.mark.parametrize(("k", "row"), [(1, 309), (2, 350), (3, 416)])
def test_gaussian_equals_the_definition(k: int, row: int) -> None:
    mean, covariance = references.moments(on_digits(k=k), row)
    expected = calibrated(row, k, 0.21)
    assert np.linalg.matrix_rank(expected[1]) < 64
    np.testing.assert_allclose(mean, expected[0], atol=1e-6)
    np.testing.assert_allclose(covariance, expected[1], atol=1e-6)


def test_draws_are_distributed_so() -> None:
    drawn = on_digits(alpha=0.01)(np.full(200_000, 400), torch.Generator().manual_seed(0))
    references.assert_sampled_from(drawn, *calibrated(400, 2, 0.01))


def test_on_a_line() -> None:
    # Heads {-1, 1} (variance 2), {9, 11} (2) and {100, 104} (8); the tail image 3 averages 0, 10 and itself.
    features = torch.tensor([[-1.0], [1], [9], [11], [100], [104], [3]])
    labels, counts = np.array([0, 0, 1, 1, 2, 2, 3]), [2, 2, 2, 1]
    draw = dc.build(SETTINGS | {"head_rule": "top_k", "head_size": 3}, features, labels, counts)
    mean, covariance = references.moments(draw, 6)
    np.testing.assert_allclose([mean.item(), covariance.item()], [13 / 3, 2.21], rtol=1e-6)


def test_head_rows_keep_their_features() -> None:
    features, labels = references.digits()
    rows = np.random.default_rng(0).permutation(len(labels))
    drawn = on_digits()(rows, torch.Generator().manual_seed(0))
    head = labels[rows] < 3
    assert torch.equal(drawn[head], features[rows[head]])


def test_k_is_capped_at_the_head_classes() -> None:
    rows = np.arange(309, 417)
    drawn = [on_digits(k=k)(rows, torch.Generator().manual_seed(0)) for k in (3, 50, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_unusable_head_sets_are_named() -> None:
    with pytest.raises(InputError, match=r"head_size is 1, .* leaves no tail class"):
        on_digits(head_size=1)
