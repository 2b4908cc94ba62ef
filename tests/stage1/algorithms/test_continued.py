"""A training that goes on from a whole finished network."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from tests import small

from longtail.engine import optimizer, seeding, step
from longtail.engine.seeding import Epoch
from longtail.runtime.errors import InputError
from longtail.samplers import class_balanced
from longtail.stage1 import train

DATA, SUBSET = small.data()
PLAIN = {"crop_padding": 0, "flip": False}
SETTINGS = small.changed(
    small.STAGE1,
    mixing=None,
    preprocessing=PLAIN,
    sampler={"name": "class_balanced"},
    algorithm={"name": "continued"},
    networks={"start": "mixup"},
)


def learner(**changes: Any) -> Any:
    settings = small.changed(SETTINGS, **changes)
    return train.learner(DATA, SUBSET, settings, networks={"start": small.network_state()})


def test_training_starts_from_the_whole_network_with_new_momenta() -> None:
    stage = learner(seeds={"initialisation": 5, "order": 0})

    for key, value in small.network_state().items():
        assert torch.equal(stage.module.state_dict()[key], value), key
    assert stage.optimizer.state_dict()["state"] == {}
    assert len(stage.optimizer.param_groups[0]["params"]) == len(list(stage.module.parameters()))


def test_a_step_is_the_one_defined() -> None:
    """In float64: balanced draws, the mean of −log p_y, and w ← w − η·(1 + 0.9)·(g + λw) by Nesterov's momentum."""
    stage = learner(recipe={"nesterov": True})
    stage.module.double()
    in_float32 = stage.normalise
    stage.normalise = lambda pixels: in_float32(pixels).double()
    module = copy.deepcopy(stage.module).train()
    labels = DATA.train_labels[SUBSET.indices]
    rows = class_balanced.draw({}, labels, len(labels), Epoch(1, 0).generator(seeding.ORDER))[:32]
    pixels = DATA.train_images[SUBSET.indices[rows]].astype(np.float64).transpose(0, 3, 1, 2)
    logits = module((torch.from_numpy(pixels) / 255 - 0.305) / 0.376)
    loss = -torch.log_softmax(logits, 1)[torch.arange(32), torch.from_numpy(labels[rows])].mean()
    gradients = torch.autograd.grad(loss, list(module.parameters()))
    expected = [
        value - 0.01 * 1.9 * (gradient + 5e-4 * value)
        for value, gradient in zip(module.parameters(), gradients, strict=True)
    ]

    optimizer.set_rate(stage.optimizer, 0.01)
    found = step.make(stage)(next(stage.batches(stage.epoch(1))))

    assert found.item() == pytest.approx(loss.item(), rel=1e-6)
    for value, other in zip(stage.module.parameters(), expected, strict=True):
        torch.testing.assert_close(value, other, rtol=1e-5, atol=1e-8)


def test_a_network_with_another_classifier_is_refused() -> None:
    with pytest.raises(InputError, match=r"the network that is read has another backbone or classifier \("):
        learner(head={"name": "cosine", "scale": 30.0})


def test_accuracy_goes_on_where_it_was() -> None:
    before = train.learner(DATA, SUBSET, small.changed(small.STAGE1, mixing=None, preprocessing=PLAIN))
    before.module.load_state_dict(small.network_state())

    assert learner().test_top1() == before.test_top1()
