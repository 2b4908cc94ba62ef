from typing import Any

import numpy as np
import pytest
import torch
from tests import small
from tests.stage2.test_draws import LADC, TEMPERED

from longtail.engine import checkpoint
from longtail.features import extract
from longtail.stage2 import project

RECIPE = {"batches": "ceil"}


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage1")
    checkpoint.save(folder / "last.pt", small.network_state())
    return extract.extract(*small.data(), small.STAGE1, folder / "last.pt", folder / "last.pt")


@pytest.fixture(scope="module")
def projected(features):
    settings = small.changed(small.STAGE2, generator=LADC, sampler=TEMPERED, recipe=RECIPE)
    return project.project(features, small.data()[1].counts, settings)


def test_points_of_all_three_sets(features: Any, projected: Any) -> None:
    assert projected["train"].shape == (199, 2)
    assert projected["drawn"].shape == (199, 2)
    assert projected["test"].shape == (600, 2)
    np.testing.assert_array_equal(projected["train_labels"], features.train_labels)
    np.testing.assert_array_equal(projected["test_labels"], features.test_labels)
    assert np.bincount(projected["drawn_labels"])[9] > np.bincount(projected["train_labels"])[9]


def test_one_layer_projects_all_sets(features: Any, projected: Any) -> None:
    layer, *_ = np.linalg.lstsq(features.train_features, projected["train"], rcond=None)
    np.testing.assert_allclose(features.train_features @ layer, projected["train"], atol=1e-3)
    np.testing.assert_allclose(features.test_features @ layer, projected["test"], atol=1e-3)


def test_heads_are_where_they_were(projected: Any) -> None:
    drawn = projected["drawn"][projected["drawn_labels"] == 0]
    own = projected["train"][projected["train_labels"] == 0]
    distances = np.linalg.norm(drawn[:, None] - own[None], axis=2).min(axis=1)
    assert distances.max() < 1e-4 * np.abs(own).max()


def test_the_layer_tells_classes_apart() -> None:
    """Three classes along the axes of a space of 20 dimensions, mostly noise, one of them rare."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 60 + [1] * 60 + [2] * 6)
    features = torch.rand(126, 20, generator=generator)
    features[torch.arange(126), labels] += 3
    points = features @ project.fit(features, labels, 3, seed=0)
    centres = torch.stack([points[labels == label].mean(dim=0) for label in range(3)])
    assert (torch.cdist(points, centres).argmin(dim=1) == labels).all()


def test_the_seed_settles_the_layer() -> None:
    features, labels = torch.rand(30, 8, generator=torch.Generator().manual_seed(1)), torch.arange(30) % 3
    first, again, other = (project.fit(features, labels, 3, seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
