import copy
from typing import Any

import numpy as np
import pytest
import torch
from tests import small

from longtail.engine import seeding
from longtail.engine.seeding import Epoch
from longtail.runtime.errors import InputError
from longtail.samplers import reverse
from longtail.stage1 import train

COUNTS = np.array(small.data()[1].counts)
BBN = {
    "backbone": "bbn_resnet32",
    "mixing": None,
    "algorithm": {"name": "bbn", "sampler": {"name": "reverse"}},
}


@pytest.fixture
def stage():
    return train.learner(*small.data(), small.changed(small.STAGE1, **BBN))


def surprise(logits, labels):
    """−log p_y of logits [B, K], written out."""
    return torch.log(torch.exp(logits).sum(1)) - logits[range(len(labels)), labels]


def test_delta_falls_as_a_parabola(stage: Any) -> None:
    found = []
    for epoch in (1, 2, 3):
        stage.batches(stage.epoch(epoch))
        found.append(float(stage.delta))
    # 1 − ((e − 1)/3)²
    assert found == pytest.approx([1, 8 / 9, 5 / 9], rel=1e-6)


def test_delta_falls_over_the_horizon_of_the_recipe() -> None:
    horizon = {**BBN, "recipe": {"horizon": 4}}
    stage = train.learner(*small.data(), small.changed(small.STAGE1, **horizon))
    stage.batches(stage.epoch(3))
    assert stage.delta.item() == pytest.approx(1 - (2 / 4) ** 2, rel=1e-6)


@pytest.mark.parametrize(("epoch", "delta"), [(1, 1.0), (3, 5 / 9)])
def test_the_loss_written_out(stage: Any, epoch: int, delta: float) -> None:
    """In float64, each branch with a pass of its own through the trunk under its own batch statistics."""
    exact = copy.deepcopy(stage.module).double()
    mixed = stage.prepare(next(stage.batches(stage.epoch(epoch))))
    inputs, labels = mixed.inputs.double(), mixed.labels
    backbone, weight, bias = exact.backbone, exact.classifier.weight, exact.classifier.bias
    conventional = backbone.conventional(backbone.trunk(inputs[:32])).mean((2, 3))
    rebalancing = backbone.rebalancing(backbone.trunk(inputs[32:])).mean((2, 3))
    logits = 2 * (delta * conventional @ weight[:, :64].T + (1 - delta) * rebalancing @ weight[:, 64:].T) + bias
    losses = surprise(logits, labels[:32]).mean(), surprise(logits, labels[32:]).mean()
    expected = delta * losses[0] + (1 - delta) * losses[1]
    assert stage.loss(mixed).item() == pytest.approx(expected.item(), rel=1e-4)
    # A pass of all images together has other statistics.
    together = backbone.trunk(inputs)
    both = torch.cat([backbone.conventional(together[:32]), backbone.rebalancing(together[32:])]).mean((2, 3))
    other = 2 * (delta * both[:32] @ weight[:, :64].T + (1 - delta) * both[32:] @ weight[:, 64:].T) + bias
    wrong = delta * surprise(other, labels[:32]).mean() + (1 - delta) * surprise(other, labels[32:]).mean()
    assert wrong.item() != pytest.approx(expected.item(), rel=1e-3)


def test_running_statistics_see_each_branch(stage: Any) -> None:
    stage.loss(stage.prepare(next(stage.batches(stage.epoch(1)))))
    tracked = {name: int(value) for name, value in stage.module.state_dict().items() if "num_batches" in name}
    assert {count for name, count in tracked.items() if ".trunk." in name} == {2}
    assert {count for name, count in tracked.items() if ".trunk." not in name} == {1}


def test_the_first_half_of_a_batch_is_the_set_and_the_second_drawn_in_reverse(stage: Any) -> None:
    drawn = []
    for epoch in range(1, 11):
        found = list(stage.batches(stage.epoch(epoch)))
        assert [len(batch.labels) for batch in found] == [64] * 6 + [14]
        labels = [batch.labels.numpy() for batch in found]
        conventional = np.concatenate([half[: len(half) // 2] for half in labels])
        rebalancing = np.concatenate([half[len(half) // 2 :] for half in labels])
        assert np.bincount(conventional).tolist() == COUNTS.tolist()
        rng = Epoch(epoch, 0).generator(seeding.SECOND_ORDER)
        assert rebalancing.tolist() == stage.labels[reverse.draw({}, stage.labels, 199, rng)].tolist()
        drawn.append(rebalancing)
    shares = np.bincount(np.concatenate(drawn)) / 1990
    expected = (1 / COUNTS) / (1 / COUNTS).sum()
    assert (abs(shares - expected) < 4 * np.sqrt(expected / 1990)).all()


def test_an_epoch_entered_in_its_middle_goes_on_with_the_same_batches(stage: Any) -> None:
    whole = list(stage.batches(stage.epoch(2)))
    for found, expected in zip(stage.batches(stage.epoch(2, 4)), whole[4:], strict=True):
        assert torch.equal(found.inputs, expected.inputs)
        assert torch.equal(found.labels, expected.labels)


def test_testing_has_both_branches_as_they_are(stage: Any) -> None:
    stage.delta.fill_(0.25)  # has no say in it
    stage.module.eval()
    pixels = torch.from_numpy(small.data()[0].test_images[:20])
    with torch.no_grad():
        found = stage.infer(pixels)
        images = stage.normalise(pixels)
        backbone, classifier = stage.module.backbone, stage.module.classifier
        features = [backbone.branch(images, block) for block in (backbone.conventional, backbone.rebalancing)]
        expected = torch.cat(features, 1) @ classifier.weight.T + classifier.bias
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_both_branches_learn(stage: Any) -> None:
    stage.loss(stage.prepare(next(stage.batches(stage.epoch(2))))).backward()
    assert all(value.grad is not None and value.grad.abs().max() > 0 for value in stage.module.parameters())


def test_a_backbone_without_branches_is_refused() -> None:
    with pytest.raises(InputError, match=r"a backbone with two branches, but resnet32 has none: name one in"):
        train.learner(*small.data(), small.changed(small.STAGE1, **BBN | {"backbone": "resnet32"}))
