import numpy as np
import pytest
import torch
from tests.stage2.generators import references

from longtail.runtime.errors import InputError
from longtail.stage2.generators import ladc, ladc_average

SETTINGS = {"m": 2, "alpha": 0.15, "beta": 0.8, "w_rule": "printed", "head_rule": "share", "head_size": 0.6}


def on_digits(**changes):
    return ladc_average.build(SETTINGS | changes, *references.digits(), references.COUNTS)


@pytest.mark.parametrize("w_rule", ["printed", "inverse", "count"])
@pytest.mark.parametrize("label", [3, 9])
def test_gaussian_is_that_of_the_class_mean(w_rule: str, label: int) -> None:
    features, labels = references.digits()
    statistics = references.statistics(features, labels, references.HEADS)
    point = features[labels == label].double().numpy().mean(axis=0)
    expected = references.posterior(point, *statistics, references.COUNTS, SETTINGS | {"w_rule": w_rule})
    mean, covariance = references.moments(on_digits(w_rule=w_rule), np.flatnonzero(labels == label)[0])
    np.testing.assert_allclose(mean, expected[0], atol=1e-6)
    np.testing.assert_allclose(covariance, expected[1], atol=1e-6)


def test_a_class_has_one_gaussian_and_its_images_fresh_draws() -> None:
    _, labels = references.digits()
    means = references.mean_of(on_digits(), np.arange(len(labels)))
    for label in range(3, 10):
        np.testing.assert_array_equal(
            means[labels == label], means[labels == label][:1].repeat((labels == label).sum(), 0)
        )
    assert len(np.unique(means[309:], axis=0)) == 7
    drawn = on_digits()(np.arange(309, 417), torch.Generator().manual_seed(0))
    assert len(np.unique(drawn.numpy(), axis=0)) == 108


def test_head_rows_keep_their_features() -> None:
    features, labels = references.digits()
    before, rows = features.clone(), np.random.default_rng(0).permutation(len(labels))
    drawn = on_digits()(rows, torch.Generator().manual_seed(0))
    head = labels[rows] < 3
    assert torch.equal(drawn[head], features[rows[head]])
    assert torch.equal(features, before)


def test_a_tail_of_single_images_is_that_of_ladc() -> None:
    features, labels = references.digits()
    kept = np.concatenate([np.arange(309), [309, 349, 375]])
    features, labels, counts = features[kept], labels[kept], [150, 97, 62, 1, 1, 1]
    built = [part.build(SETTINGS | {"head_size": 0.9}, features, labels, counts) for part in (ladc, ladc_average)]
    drawn = [draw(np.arange(300, 312), torch.Generator().manual_seed(0)) for draw in built]
    torch.testing.assert_close(*drawn)


def test_unusable_head_sets_are_named() -> None:
    with pytest.raises(InputError, match=r"head_size is 1, .* leaves no tail class"):
        on_digits(head_size=1)


def test_settings_are_those_of_ladc() -> None:
    def rules(part):
        return {name: {**schema, "description": ""} for name, schema in part.SETTINGS.items()}

    assert rules(ladc_average) == rules(ladc)
