"""What an algorithm may do otherwise, beside those that are here."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests import small

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import device, step
from longtail.engine.distributed import World
from longtail.engine.forms import Form
from longtail.features.hold_out import hold_out
from longtail.models import network
from longtail.models.network import Network
from longtail.stage1 import train
from longtail.stage1.learner import Pool, Stage1Learner

OUTPUTS = 4


class Regrouped(Stage1Learner):
    """Learns which of four groups an image is of, not which class."""

    def pool(self, data: Data, subset: Subset) -> Pool:
        same, indices, labels = super().pool(data, subset)
        self.groups: NDArray[np.int64] = labels % OUTPUTS
        return same, indices, self.groups

    def target_counts(self, data: Data, subset: Subset) -> list[int]:
        return np.bincount(self.groups, minlength=OUTPUTS).tolist()  # type: ignore[no-any-return]


class Continued(Stage1Learner):
    """Starts from the backbone of another network."""

    other: Network

    def build_network(self, form: Form, outputs: int) -> Network:
        built = super().build_network(form, outputs)
        built.backbone.load_state_dict(self.other.backbone.state_dict())
        return built


@pytest.fixture
def fusing(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Calls of `network.fuse`, on a CPU that stands for a GPU."""
    calls: list[tuple[object, ...]] = []
    prepare = device.prepare
    monkeypatch.setattr(device, "prepare", lambda *given: dataclasses.replace(prepare(*given), fused=True))
    monkeypatch.setattr(network, "fuse", lambda *given: calls.append(given))
    return calls


def test_kernels_are_fused_where_they_may_be(fusing: list[tuple[object, ...]]) -> None:
    built = Stage1Learner(*small.data(), small.STAGE1)

    assert fusing == [(built.module, "resnet32", torch.float32)]


def test_several_processes_do_not_fuse(fusing: list[tuple[object, ...]], caplog: pytest.LogCaptureFixture) -> None:
    Stage1Learner(*small.data(), small.STAGE1, world=World(0, 2))

    assert fusing == []
    assert caplog.messages == ["compute.fused has no effect: several processes share their batch norm"]


def test_derivatives_of_gradients_are_not_fused(
    fusing: list[tuple[object, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    mcw = {"name": "mcw", "per_class": 2, "batch_size": 4, "rate": 0.01}
    train.learner(*small.data(), small.changed(small.STAGE1, algorithm=mcw, mixing=None, recipe={"defer": 1}))

    assert fusing == []
    assert caplog.messages == ["compute.fused has no effect: algorithm mcw differentiates gradients"]


def test_a_head_of_another_size_and_a_backbone_from_another_network() -> None:
    first = Regrouped(*small.data(), small.STAGE1)
    loss = step.make(first)(next(first.batches(first.epoch(1))))
    assert torch.isfinite(loss)
    assert first.module.classifier.weight.shape[0] == OUTPUTS

    assert isinstance(first.module, Network)
    Continued.other = first.module
    second = Continued(*small.data(), small.changed(small.STAGE1, seeds={"initialisation": 1, "order": 0}))
    assert second.module.classifier.weight.shape[0] == len(small.data()[0].classes)
    started, other = second.module.backbone.state_dict(), first.module.backbone.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in started.items())


def test_images_stop_early_on_those_that_the_subset_leaves_out() -> None:
    data, subset = small.data()
    stopping = small.changed(small.STAGE1, recipe={"early_stopping": {"every": 5, "patience": 30}})

    learner = Stage1Learner(data, subset, stopping)

    assert learner.validation is not None
    # 68 or more of each class of 114 to 123 images are left out, and at most 100 are looked at.
    held = hold_out(data.train_labels, subset, 10)
    assert learner.validation[1].tolist() == data.train_labels[held].tolist()
    assert learner.validation_loss is not None
    assert math.isfinite(learner.validation_loss())
    assert Stage1Learner(data, subset, small.STAGE1).validation_loss is None
