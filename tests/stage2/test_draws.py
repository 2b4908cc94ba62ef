from typing import Any

import numpy as np
import pytest
import torch
from tests import small

from longtail.engine.seeding import Epoch
from longtail.stage2 import draws

LADC = {
    **{"name": "ladc", "m": 2, "alpha": 0.15, "beta": 0.8},
    **{"w_rule": "printed", "head_rule": "share", "head_size": 0.6},
}
TEMPERED = {"name": "tempered", "level": "instance", "tau": 1.2}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pixels():
    """The digits' pixels as features, and their labels."""
    data, subset = small.data()
    images = data.train_images[subset.indices].reshape(len(subset.indices), -1)
    return torch.from_numpy(images / 255).float(), data.train_labels[subset.indices], subset.counts


def settings(**changes):
    # Batches of 2: an epoch has 100 of them, and so several chunks.
    recipe = {"batch_size": 2, "batches": "ceil"}
    return small.changed(small.STAGE2, **{"generator": LADC, "sampler": TEMPERED, "recipe": recipe} | changes)


def epoch(pixels, number, first=0, **changes):
    features, labels, counts = pixels
    changed = settings(**changes)
    draw = draws.generator(changed.generator, features, labels, counts)
    return list(draws.of_epoch(draw, labels, changed, Epoch(number, changed.seeds.order, 2, first), CPU))


def test_an_epoch_has_as_many_images_as_the_set_in_batches(pixels: Any) -> None:
    sizes = [len(batch.labels) for batch in epoch(pixels, 1)]
    assert sizes == [2] * 99 + [1]
    assert len(sizes) > 3 * draws.CHUNK


def test_real_features_are_the_rows_that_the_sampler_draws(pixels: Any) -> None:
    features, labels, _ = pixels
    for batch in epoch(pixels, 1, generator={"name": "real"}):
        for feature, label in zip(batch.inputs, batch.labels, strict=True):
            rows = (features == feature).all(dim=1).nonzero().flatten()
            assert label in torch.from_numpy(labels)[rows]


@pytest.mark.parametrize("first", [0, 1, draws.CHUNK - 1, draws.CHUNK, 2 * draws.CHUNK + 5, 99])
def test_what_is_drawn_for_a_batch_does_not_depend_on_where_the_epoch_is_taken_up(pixels: Any, first: int) -> None:
    whole, rest = epoch(pixels, 3), epoch(pixels, 3, first)
    assert len(rest) == len(whole) - first
    for one, other in zip(whole[first:], rest, strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.labels, other.labels)


def test_every_epoch_and_seed_draws_afresh(pixels: Any) -> None:
    features, _, counts = pixels
    heads = set(np.argsort(counts)[::-1][:4].tolist())
    of_tail = [
        torch.cat([batch.inputs for batch in batches])[
            [label not in heads for label in torch.cat([batch.labels for batch in batches]).tolist()]
        ]
        for batches in (epoch(pixels, 1), epoch(pixels, 2), epoch(pixels, 1, seeds={"initialisation": 0, "order": 1}))
    ]
    together = torch.cat([*of_tail, features])
    assert len(torch.unique(together, dim=0)) == len(together)


def test_the_head_keeps_its_images_and_the_tail_never_gets_its_own(pixels: Any) -> None:
    features, _, counts = pixels
    known = {tuple(row) for row in features.tolist()}
    heads = {0, 1, 2, 3}  # 50, 38, 29 and 23 of 199 images, the first that hold 60 %
    assert sum(counts[:4]) >= 0.6 * sum(counts) > sum(counts[:3])
    for batch in epoch(pixels, 1):
        for feature, label in zip(batch.inputs.tolist(), batch.labels.tolist(), strict=True):
            assert (tuple(feature) in known) == (label in heads)
