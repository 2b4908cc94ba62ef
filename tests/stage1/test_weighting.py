import copy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests import small
from tests.engine.toy import replayed
from torch.fx.experimental.proxy_tensor import make_fx

from longtail.engine import graphs, step
from longtail.engine.batches import Batch
from longtail.stage1 import train
from longtail.stage1.learner import Stage1Learner

COUNTS = np.array(small.data()[1].counts)
RECIPE = {"epochs": 2, "defer": 1}
CB = {"name": "class_balanced", "beta": 0.9, "mean": "images"}
# (1 − β)/(1 − β^n), scaled to a mean of 1 over the classes.
RAW = 0.1 / (1 - 0.9**COUNTS)
OF_CLASSES = RAW / RAW.mean()


def learner(**changes):
    return Stage1Learner(*small.data(), small.changed(small.STAGE1, recipe=RECIPE, **changes))


def prepared(stage, epoch):
    """All batches of an epoch as they are learnt from."""
    return [stage.prepare(batch) for batch in stage.batches(stage.epoch(epoch))]


def test_deferred_weights_change_no_byte_before_they_are_active(tmp_path: Path) -> None:
    losses = {}
    for name, deferred in (("plain", None), ("deferred", {"weighting": CB})):
        settings = small.changed(small.STAGE1, recipe=RECIPE, mixing=None, deferred=deferred)
        history = train.train(*small.data(), settings, small.resume(tmp_path / name)).history
        losses[name] = [row["loss"] for row in history]
    assert losses["deferred"][0] == losses["plain"][0]
    assert losses["deferred"][1] != losses["plain"][1]


def test_deferred_weights_are_one_and_then_those_of_the_classes() -> None:
    stage = learner(mixing=None, deferred={"weighting": CB})
    for batch in prepared(stage, 1):
        assert batch.weights.tolist() == [1.0] * len(batch.labels)
    for batch in prepared(stage, 2):
        np.testing.assert_allclose(batch.weights, OF_CLASSES[batch.labels], rtol=1e-5)
        assert batch.partner_weights is None


def test_weights_from_the_start_give_way_to_deferred_ones() -> None:
    other = CB | {"beta": 0.0}
    stage = learner(mixing=None, weighting=CB, deferred={"weighting": other})
    first, second = prepared(stage, 1)[0], prepared(stage, 2)[0]
    np.testing.assert_allclose(first.weights, OF_CLASSES[first.labels], rtol=1e-5)
    assert second.weights.tolist() == [1.0] * len(second.labels)


def test_weights_from_the_start_stay_where_a_sampler_alone_is_deferred() -> None:
    stage = learner(mixing=None, weighting=CB, deferred={"sampler": {"name": "class_balanced"}})
    for epoch in (1, 2):
        batch = prepared(stage, epoch)[0]
        np.testing.assert_allclose(batch.weights, OF_CLASSES[batch.labels], rtol=1e-5)


def test_without_weights_batches_stay_as_they_are() -> None:
    assert all(batch.weights is None and batch.partner_weights is None for batch in prepared(learner(), 2))


def test_partners_of_mixed_images_are_weighed_by_their_own_class() -> None:
    stage = learner(weighting=CB | {"mean": "weights"})
    seen = 0
    for batch in prepared(stage, 1):
        own, partners = OF_CLASSES[batch.labels], OF_CLASSES[batch.partner_labels]
        np.testing.assert_allclose(batch.weights, own / own.mean(), rtol=1e-5)
        # Partners are the batch's images in another order, so their weights have the same mean.
        np.testing.assert_allclose(batch.partner_weights, partners / own.mean(), rtol=1e-5)
        seen += int((batch.labels != batch.partner_labels).sum())
    assert seen > 100


def test_the_weighed_loss_of_mixed_images_from_the_logits() -> None:
    stage = learner(weighting=CB | {"mean": "weights"})
    batch = next(stage.batches(stage.epoch(1)))
    mixed = stage.prepare(batch)
    logits = copy.deepcopy(stage.module)(mixed.inputs).detach().double().numpy()
    surprise = np.log(np.exp(logits).sum(axis=1, keepdims=True)) - logits
    labels, share, rows = batch.labels.numpy(), float(batch.share), range(len(logits))
    partners = labels[batch.partner.numpy()]
    weight = OF_CLASSES[labels] / OF_CLASSES[labels].mean()
    of_partner = OF_CLASSES[partners] / OF_CLASSES[labels].mean()
    expected = share * weight * surprise[rows, labels] + (1 - share) * of_partner * surprise[rows, partners]
    assert stage.loss(mixed).item() == pytest.approx(expected.mean(), rel=1e-5)


@pytest.mark.parametrize("mixing", [None, small.STAGE1.mixing])
def test_a_captured_step_follows_the_switch(monkeypatch: pytest.MonkeyPatch, mixing: Any) -> None:
    """On the CPU with a stand-in for CUDA graphs; the second epoch has no shape that the first has not."""
    monkeypatch.setattr(graphs, "Captured", partial(graphs.Captured, record=replayed))
    losses = {}
    for name, deferred, capture in (("plain", None, False), ("steps", CB, False), ("captured", CB, True)):
        stage = learner(mixing=mixing, deferred=deferred and {"weighting": deferred})
        object.__setattr__(stage.backend, "capture", capture)
        one = step.make(stage)
        losses[name] = torch.stack([one(batch) for epoch in (1, 2) for batch in stage.batches(stage.epoch(epoch))])
    torch.testing.assert_close(losses["captured"], losses["steps"], rtol=1e-4, atol=1e-5)
    assert torch.equal(losses["steps"][:7], losses["plain"][:7])
    assert not torch.allclose(losses["steps"][7:], losses["plain"][7:], rtol=1e-2)


def test_the_active_weights_are_chosen_by_a_tensor() -> None:
    """A trace, unlike the stand-in, holds what Python decided when it was made: as a CUDA graph does."""
    stage = learner(mixing=None, weighting=CB | {"beta": 0.0}, deferred={"weighting": CB})
    batch = next(stage.batches(stage.epoch(1)))
    traced = make_fx(lambda *given: stage.prepare(Batch(*given)).weights)(batch.inputs, batch.labels)
    assert traced(batch.inputs, batch.labels).tolist() == [1.0] * 32
    later = next(stage.batches(stage.epoch(2)))
    np.testing.assert_allclose(traced(later.inputs, later.labels), OF_CLASSES[later.labels], rtol=1e-5)
