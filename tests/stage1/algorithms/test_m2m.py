"""M2m: what is drawn, how an image is translated, and a training of both phases."""

import copy
import dataclasses
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests import small
from torch import Tensor
from torch.nn import functional as F

from longtail.engine import loop
from longtail.engine.batches import Batch
from longtail.engine.loop import Fitted
from longtail.engine.seeding import Epoch
from longtail.models import network
from longtail.runtime.errors import InputError
from longtail.runtime.signals import Stopped
from longtail.settings.stage1 import Stage1
from longtail.stage1 import train
from longtail.stage1.algorithms import m2m

DATA, SUBSET = small.data()
RECIPE = {"epochs": 2, "defer": 1}
# Classes of the digits differ by 45 images at most. A guide that has learnt nothing is led astray in few steps.
GUIDE = network.build("resnet32", 1, 10, seed=3).state_dict()
M2M = {"name": "m2m", "beta": 0.9, "lambda": 0.5, "gamma": 0.2, "steps": 3, "step_size": 0.3, "radius": 0.5}
SETTINGS = small.changed(
    small.STAGE1,
    mixing=None,
    deferred={"sampler": {"name": "class_balanced"}},
    algorithm=M2M | {"noise": "batch_channel"},
    networks={"guide": "ce_ldam"},
    recipe=RECIPE,
)
TWO_PIXELS = {"steps": 1, "step_size": 0.1, "lambda": 0.5}


def learner(settings: Stage1 = SETTINGS) -> m2m.Learner:
    made = train.learner(DATA, SUBSET, settings, networks={"guide": GUIDE})
    assert isinstance(made, m2m.Learner)
    return made


def drawn(stage: m2m.Learner) -> m2m.Seeded:
    """The first batch of the second phase."""
    batch = next(stage.batches(stage.epoch(2)))
    assert isinstance(batch, m2m.Seeded)
    return batch


def test_the_probabilities_of_the_card() -> None:
    targets, seeds = torch.tensor([50.0, 83.0]).double(), torch.tensor([5000.0, 1077.0, 83.0, 50.0]).double()

    found = m2m.probabilities(targets, seeds, 0.999)

    assert found[0].tolist() == pytest.approx([0.992934, 0.642104, 0.032477, 0], abs=5e-7)
    assert found[1, 2:].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("steps", "expected"), [(1, (0.721369, 0.261784)), (2, (0.642340, 0.323057)), (10, (0.0, 0.689878))]
)
def test_the_translation_of_the_card(steps: int, expected: tuple[float, float]) -> None:
    """Two pixels, a guide 4x and a learner 2x, from class 0 to class 1."""
    image = torch.tensor([[0.8, 0.2]], dtype=torch.float64)

    found = m2m.translated(
        image, torch.tensor([0]), torch.tensor([1]), lambda x: 4 * x, lambda x: 2 * x, TWO_PIXELS | {"steps": steps}
    )

    assert found[0].tolist() == pytest.approx(expected, abs=5e-7)
    if steps == 1:  # along the gradient of the card
        slope = torch.tensor([4.667309, -3.667309]).double()
        assert (image - found)[0].tolist() == pytest.approx((0.1 * slope / slope.norm()).tolist(), abs=1e-7)
    if steps == 10:
        assert F.softmax(4 * found, 1)[0, 1].item() == pytest.approx(0.940448, abs=5e-7)


def test_a_seed_is_drawn_in_proportion_and_never_without_a_probability() -> None:
    row = torch.tensor([0.0, 0.3, 0.0, 0.6, 0.0], dtype=torch.float64)
    uniform = (torch.arange(3000).double() + 0.5) / 3000

    found = torch.bincount(m2m.chosen(row.expand(len(uniform), -1), uniform), minlength=5)

    assert found.tolist() == [0, 1000, 0, 2000, 0]
    assert m2m.chosen(row[None], torch.tensor([1 - 2.0**-53], dtype=torch.float64)).tolist() == [3]


def test_noise_is_limited_by_channel_or_by_image() -> None:
    uniform = torch.rand(4, 8, 8, 3, generator=torch.Generator().manual_seed(0))

    by_channel, by_image = (m2m.noise(uniform, 0.5, kind) for kind in ("batch_channel", "image"))

    torch.testing.assert_close(by_channel.transpose(0, 3).flatten(1).norm(dim=1), torch.full((3,), 0.5))
    torch.testing.assert_close(by_image.flatten(1).norm(dim=1), torch.full((4,), 0.5))
    assert (by_channel < 0).any()
    short = 0.5 + (uniform - 0.5) / 100
    torch.testing.assert_close(m2m.noise(short, 0.5, "image"), short - 0.5)


def by_hand(stage: m2m.Learner, batch: m2m.Seeded) -> tuple[Tensor, int]:
    """Images [B, C, H, W] of a seeded batch, normalised in float64 one by one, and how many are translated."""
    own, counts, mean, std = stage.own, SUBSET.counts, small.PREPROCESSING.mean[0], small.PREPROCESSING.std[0]
    guide, module = copy.deepcopy(stage.guide).double().eval(), copy.deepcopy(stage.module).double().eval()
    labels, pixels = batch.labels.tolist(), batch.inputs.double() / 255
    rng = np.random.default_rng(batch.seed)
    chance, choice, luck = rng.random((3, len(labels)))
    slots = []
    for place, label in enumerate(labels):
        row = [1 - own["beta"] ** max(counts[other] - counts[label], 0) for other in labels]
        if chance[place] >= counts[label] / max(counts) and any(row):
            below = 0.0
            for seed, probability in enumerate(row):
                below += probability
                if choice[place] * sum(row) < below:
                    slots.append((place, seed, probability))
                    break
    noise = rng.random((len(slots), *pixels.shape[1:]), dtype=np.float32).astype(np.float64) - 0.5
    noise *= own["radius"] / np.sqrt((noise**2).sum())  # digits have one channel
    made = ((pixels - mean) / std).permute(0, 3, 1, 2).clone()
    accepted = 0
    for (place, seed, probability), start in zip(slots, noise, strict=True):
        image = (pixels[seed] + torch.from_numpy(start)).clamp(0, 1)
        for _ in range(own["steps"]):
            image = image.detach().requires_grad_()
            normalised = ((image - mean) / std).permute(2, 0, 1)[None]
            loss = -F.log_softmax(guide(normalised), 1)[0, labels[place]]
            loss = loss + own["lambda"] * module(normalised)[0, labels[seed]]
            (slope,) = torch.autograd.grad(loss, image)
            image = (image.detach() - own["step_size"] * slope / slope.norm()).clamp(0, 1)
        normalised = ((image - mean) / std).permute(2, 0, 1)
        if guide(normalised[None]).softmax(1)[0, labels[place]] >= own["gamma"] and luck[place] < probability:
            made[place] = normalised
            accepted += 1
    return made, accepted


def test_a_step_from_first_principles_in_float64() -> None:
    stage = learner()
    batch = drawn(stage)
    images, accepted = by_hand(stage, batch)
    alone = copy.deepcopy(stage.module).double().train()

    mixed = stage.prepare(batch)
    assert 0 < accepted < len(batch.labels) / 2
    # Translated in float32.
    torch.testing.assert_close(mixed.inputs.double(), images, rtol=0, atol=1e-3)

    stage.module.double()
    loss = stage.loss(dataclasses.replace(mixed, inputs=images))
    loss.backward()  # type: ignore[no-untyped-call]
    expected = -torch.log_softmax(alone(images), 1)[range(len(images)), batch.labels].mean()
    expected.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    for (name, found), value in zip(stage.module.named_parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(found.grad, value.grad, rtol=1e-9, atol=1e-12, msg=name)


def test_a_translation_leaves_no_trace_and_is_in_float32() -> None:
    stage = learner()
    batch = drawn(stage)
    networks = {"module": stage.module, "guide": stage.guide}
    before = {name: copy.deepcopy(each.state_dict()) for name, each in networks.items()}

    mixed = stage.prepare(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        same = stage.prepare(batch)

    assert torch.equal(mixed.inputs, same.inputs)
    assert (mixed.inputs != stage.normalise(batch.inputs)).any()
    assert torch.equal(mixed.labels, batch.labels)
    assert stage.module.training
    assert not stage.guide.training
    for name, each in networks.items():
        assert all(torch.equal(value, before[name][key]) for key, value in each.state_dict().items())
        assert all(parameter.grad is None for parameter in each.parameters())


def test_nothing_is_translated_without_more_frequent_classes_in_the_batch() -> None:
    stage = learner()
    batch = drawn(stage)
    alone = m2m.Seeded(batch.inputs, torch.full_like(batch.labels, 9), seed=batch.seed)

    assert torch.equal(stage.prepare(alone).inputs, stage.normalise(batch.inputs))


def test_classes_are_drawn_alike_from_the_switch_on() -> None:
    stage = learner()
    first, second = (list(stage.batches(stage.epoch(number))) for number in (1, 2))

    assert torch.bincount(torch.cat([batch.labels for batch in first])).tolist() == SUBSET.counts
    # 199 draws of ten classes: 19.9 of each on average, with a standard deviation of 4.2.
    assert abs(torch.bincount(torch.cat([batch.labels for batch in second])) - 19.9).max() < 4 * 4.3
    assert not any(isinstance(batch, m2m.Seeded) for batch in first)
    seeds = [batch.seed for batch in second if isinstance(batch, m2m.Seeded)]
    assert len(set(seeds)) == len(second)
    rest = list(stage.batches(stage.epoch(2, first_batch=3)))
    assert [batch.seed for batch in rest if isinstance(batch, m2m.Seeded)] == seeds[3:]


def run(folder: Path, settings: Stage1) -> Fitted:
    networks = {"guide": GUIDE} if settings.networks else {}
    return train.train(DATA, SUBSET, settings, small.resume(folder), networks=networks)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """A training of both phases without interruption."""
    return run(tmp_path_factory.mktemp("whole"), SETTINGS)


def test_the_first_phase_is_plain_cross_entropy_to_the_byte(whole: Fitted, tmp_path: Path) -> None:
    fitted = run(tmp_path, small.changed(small.STAGE1, mixing=None, recipe=RECIPE))

    assert whole.history[0] == fitted.history[0]
    assert whole.history[1]["loss"] != fitted.history[1]["loss"]


def test_a_run_stopped_in_its_second_phase_goes_on_to_the_same_bytes(whole: Fitted, tmp_path: Path) -> None:
    stage: Any = learner()
    batches = stage.batches

    def stopping(epoch: Epoch) -> Iterator[Batch]:
        for number, batch in enumerate(batches(epoch), start=epoch.first_batch):
            if (epoch.number, number) == (2, 3):
                signal.raise_signal(signal.SIGTERM)
            yield batch

    stage.batches = stopping
    with pytest.raises(Stopped, match="in epoch 2 after step 4"):
        loop.fit(stage, SETTINGS.recipe, small.resume(tmp_path))
    fitted = loop.fit(learner(), SETTINGS.recipe, small.resume(tmp_path))

    assert fitted.history == whole.history
    assert all(torch.equal(value, whole.last_state[name]) for name, value in fitted.last_state.items())


def test_a_guide_with_another_head_or_backbone_is_refused() -> None:
    others = [
        network.build("resnet32", 1, 10, seed=0, head=SETTINGS.head.parse({"name": "cosine", "scale": 30.0})),
        network.build("resnet10", 1, 10, seed=0),
    ]

    for other in others:
        with pytest.raises(InputError, match="the network that is read has another backbone or classifier"):
            train.learner(DATA, SUBSET, SETTINGS, networks={"guide": other.state_dict()})
