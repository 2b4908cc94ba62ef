import numpy as np
import pytest
import torch
from tests.stage2.generators import references

from longtail.runtime.errors import InputError
from longtail.stage2.generators import _heads

SETTINGS = {"head_rule": "share", "head_size": 0.6}


@pytest.mark.parametrize(("rule", "size"), [("share", 0.98), ("top_k", 2)])
def test_a_head_class_of_one_image_has_no_covariance(rule: str, size: float) -> None:
    features, labels = torch.rand(62, 4), np.array([0] * 60 + [1, 2])
    says = "makes class 1 a head class, but its covariance needs two training images and it has 1: lower it"
    with pytest.raises(InputError, match=says):
        _heads.of_features({"head_rule": rule, "head_size": size}, features, labels, [60, 1, 1])


@pytest.mark.parametrize("label", range(10))
def test_mean_and_factor_equal_numpy(label: int) -> None:
    features, labels = references.digits()
    chosen = features[labels == label]
    mean, factor = _heads.mean_and_factor(chosen)
    assert mean.dtype == factor.dtype == torch.float64
    assert factor.shape == (min(len(chosen), 64), 64)
    exact = chosen.double().numpy()
    expected = np.cov(exact, rowvar=False)
    np.testing.assert_allclose(mean, exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(factor.T @ factor, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())
    dead = exact.std(axis=0) == 0
    assert dead.sum() >= 3
    assert not factor[:, dead].any()


def test_a_constant_feature_does_not_vary() -> None:
    constant = torch.full((50, 3), 0.1)
    constant[:, 0] = torch.arange(50)
    _, factor = _heads.mean_and_factor(constant)
    np.testing.assert_allclose(factor.T @ factor, np.diag([np.var(np.arange(50), ddof=1), 0, 0]), atol=1e-12)


def test_statistics_of_digits() -> None:
    features, labels = references.digits()
    heads = _heads.of_features(SETTINGS, features, labels, references.COUNTS)
    assert heads.classes.tolist() == references.HEADS
    assert heads.counts.tolist() == [150, 97, 62]
    means, covariances = references.statistics(features, labels, references.HEADS)
    np.testing.assert_allclose(heads.means, means, rtol=1e-12)
    for factor, covariance in zip(heads.factors, covariances, strict=True):
        assert factor.dtype == torch.float32
        np.testing.assert_allclose(factor.T @ factor, covariance, atol=1e-6 * np.abs(covariance).max())
    assert heads.tail_rows(labels).tolist() == list(range(309, 417))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_counted(value: float) -> None:
    features, labels = references.digits()
    features = features.clone()
    features[[3, 3, 400], [1, 2, 1]] = value
    says = "2 of 417 training images have features that are not finite: the Stage-1 run diverged, train it again"
    with pytest.raises(InputError, match=says):
        _heads.of_features(SETTINGS, features, labels, references.COUNTS)


@pytest.mark.parametrize("number", [1, 2, 5, 9])
def test_nearest_means_in_blocks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(_heads, "BLOCK", 7)
    features, labels = references.digits()
    means, _ = references.statistics(features, labels, range(5))
    rows = np.arange(416, 380, -1)
    positions, squared = _heads.nearest(features, rows, torch.from_numpy(means), number)
    distances = ((features.double().numpy()[rows][:, None] - means) ** 2).sum(axis=2)
    expected = np.argsort(distances, axis=1)[:, :number]
    assert positions.shape == (36, min(number, 5))
    np.testing.assert_array_equal(positions, expected)
    np.testing.assert_allclose(squared, np.take_along_axis(distances, expected, axis=1), rtol=1e-12)


def test_of_equally_near_means_the_first_is_taken() -> None:
    means = torch.tensor([[3.0, 0], [0, 1], [1, 0], [0, -1]], dtype=torch.float64)
    positions, squared = _heads.nearest(torch.zeros(1, 2), np.array([0]), means, 3)
    assert positions.tolist() == [[1, 2, 3]]
    assert squared.tolist() == [[1, 1, 1]]


def test_a_point_on_a_mean_is_at_distance_zero() -> None:
    # Sums of products of such numbers do not cancel exactly.
    features = 100 + torch.rand(50, 64, generator=torch.Generator().manual_seed(0))
    positions, squared = _heads.nearest(features, np.arange(50), features.double(), 1)
    assert positions[:, 0].tolist() == list(range(50))
    assert not squared.any()
