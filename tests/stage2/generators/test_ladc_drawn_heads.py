import numpy as np
import torch
from tests.stage2.generators import references

from longtail.stage2.generators import ladc, ladc_drawn_heads

SETTINGS = {"m": 2, "alpha": 0.15, "beta": 0.8, "w_rule": "printed", "head_rule": "share", "head_size": 0.6}


def on_digits(part=ladc_drawn_heads):
    return part.build(SETTINGS, *references.digits(), references.COUNTS)


def test_gaussian_of_a_head_image_is_that_of_its_class() -> None:
    features, labels = references.digits()
    means, covariances = references.statistics(features, labels, references.HEADS)
    for row in (0, 149, 200, 308):
        mean, covariance = references.moments(on_digits(), row)
        np.testing.assert_allclose(mean, means[labels[row]], atol=1e-6)
        np.testing.assert_allclose(covariance, covariances[labels[row]], atol=1e-6)


def test_gaussian_of_a_tail_image_is_that_of_ladc() -> None:
    for row in (309, 350, 416):
        for found, expected in zip(
            references.moments(on_digits(), row), references.moments(on_digits(ladc), row), strict=True
        ):
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_rows_of_both_kinds_are_drawn_together() -> None:
    features, labels = references.digits()
    before, rows = features.clone(), np.array([400, 3, 310, 160, 3])
    drawn = on_digits()(rows, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, on_digits()(rows, torch.Generator().manual_seed(0)))
    assert not torch.equal(drawn[1], drawn[4])
    assert torch.equal(features, before)
    # The draw of a tail row does not depend on whether head rows are drawn.
    tail = labels[rows] >= 3
    assert torch.equal(drawn[tail], on_digits(ladc)(rows, torch.Generator().manual_seed(0))[tail])
    means = references.mean_of(on_digits(), rows)
    np.testing.assert_allclose(
        means[~tail], references.statistics(features, labels, [0, 1])[0][labels[rows[~tail]]], atol=1e-6
    )


def test_draws_of_a_head_class_are_distributed_as_its_features() -> None:
    features, labels = references.digits()
    means, covariances = references.statistics(features, labels, references.HEADS)
    drawn = on_digits()(np.full(200_000, 0), torch.Generator().manual_seed(0))
    references.assert_sampled_from(drawn[:, covariances[0].diagonal() > 0], *_active(means[0], covariances[0]))


def test_settings_are_those_of_ladc() -> None:
    assert ladc_drawn_heads.SETTINGS == ladc.SETTINGS


def _active(mean, covariance):
    kept = covariance.diagonal() > 0
    return mean[kept], covariance[np.ix_(kept, kept)]
