import copy
import dataclasses
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests import small
from torch import nn
from torch.nn import functional as F

from longtail.config import load, settings
from longtail.engine import loop, optimizer, schedule, step
from longtail.engine.batches import Mixed
from longtail.losses import LDAM
from longtail.models.network import Network
from longtail.runtime.errors import InputError
from longtail.runtime.signals import Stopped
from longtail.stage1 import train
from longtail.stage1.algorithms.metasaug import RunningCovariances, spreads
from longtail.weightings.class_balanced import class_weights

SETTINGS = small.changed(
    small.STAGE1,
    mixing=None,
    loss={"name": "ldam", "max_margin": 0.5, "scale": 1.0},
    deferred={"weighting": {"name": "class_balanced", "beta": 0.9, "mean": "weights"}},
    algorithm={"name": "metasaug", "per_class": 10, "batch_size": 20, "strength": 0.75, "rate": 0.1},
    recipe={"epochs": 2, "defer": 1},
)
# The classes of the worked examples have these images.
COUNTS = [100, 25, 4]
FIRST = [[2.0, 0.5], [0.5, 1.0]]


def learner(**changes):
    return train.learner(*small.data(), small.changed(SETTINGS, **changes))


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.fixture
def worked():
    """The learner of a worked example, a linear classifier of two features in float64, with its two batches."""
    stage = learner()
    linear = nn.Linear(2, 3, dtype=torch.float64)
    linear.load_state_dict({"weight": tensor([[0.5, 0], [0, 0.5], [0.2, 0.2]]), "bias": torch.zeros(3)})
    stage.module = Network(nn.Identity(), linear)
    stage.criterion = LDAM(COUNTS, max_margin=0.5, scale=1.0)
    stage.memory = RunningCovariances(3, 2).double()
    stage.memory.covariances.copy_(tensor([FIRST, [[1, 0], [0, 1]], [[0, 0], [0, 0]]]))
    stage.strength, stage.rate_ahead, stage.factors = 0.6, 0.1, {}
    labels = torch.tensor([0, 2])
    weights = torch.from_numpy(class_weights(COUNTS, 0.9999))[labels]
    own = Mixed(tensor([[1, 2], [2, -1]]), labels, weights=weights / weights.mean())
    return stage, own, Mixed(tensor([[0, 1], [1, 1]]), torch.tensor([1, 2]))


def loss_at(stage, own, covariances):
    linear = stage.module.classifier
    return stage.augmented_loss(linear(own.inputs), linear.weight, own, covariances)


def test_running_covariances_by_hand() -> None:
    running = RunningCovariances(2, 2).double()
    running.take_in(tensor([[1, 0], [3, 2], [0, 1]]), torch.tensor([0, 0, 1]))
    torch.testing.assert_close(running.covariances, tensor([[[1, 1], [1, 1]], [[0, 0], [0, 0]]]))
    running.take_in(tensor([[5, 1], [2, 2], [4, 0]]), torch.tensor([0, 1, 1]))
    third = tensor([[[8, 2], [2, 2]], [[8, -2], [-2, 2]]]) / 3
    torch.testing.assert_close(running.covariances, third)
    torch.testing.assert_close(running.means, tensor([[3, 1], [2, 1]]))
    assert running.counts.tolist() == [3, 3]


def test_running_covariances_are_those_of_all_features() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 5)), rng.choice(4, 60, p=[0.7, 0.2, 0.1, 0])
    running = RunningCovariances(4, 5).double()
    for rows in np.split(np.arange(60), [7, 8, 30]):
        running.take_in(torch.from_numpy(features[rows]), torch.from_numpy(labels[rows]))
    for label in range(3):
        exact = np.cov(features[labels == label], rowvar=False, bias=True)
        np.testing.assert_allclose(running.covariances[label], exact, atol=1e-14)
    assert not running.covariances[3].any()


def test_augmented_logits_by_hand() -> None:
    found = spreads(tensor([[1, 0], [0, 1], [1, 1]]), tensor([FIRST, FIRST, FIRST]))
    assert found[0].tolist() == pytest.approx([0, 2, 1])
    logits = tensor([1, 2, 3]) + 0.6375 / 2 * found[0]
    assert logits.tolist() == pytest.approx([1, 2.6375, 3.31875])
    loss = LDAM(COUNTS, max_margin=0.5, scale=1.0)
    assert loss.margins.tolist() == pytest.approx([0.223607, 0.316228, 0.5], abs=5e-7)
    assert loss(logits[None], torch.tensor([0])).item() == pytest.approx(3.002730, abs=5e-7)
    assert class_weights(COUNTS, 0.9999).tolist() == pytest.approx([0.100451, 0.400300, 2.499249], abs=5e-7)


def test_the_step_of_the_covariances_by_hand(worked: Any) -> None:
    stage, own, meta = worked
    running = stage.memory.covariances.clone()
    slope = (running - stage.corrected(own, meta)) / 0.1
    assert loss_at(stage, own, running).item() == pytest.approx(1.697758, abs=5e-7)
    assert meta_loss(stage, own, meta, running) == pytest.approx(0.936442, abs=5e-7)
    assert (1e4 * slope[0]).flatten().tolist() == pytest.approx([-0.535308, -1.650156, -1.650156, 3.218803], abs=5e-7)
    assert not slope[1].any()
    assert (1e3 * slope[2]).flatten().tolist() == pytest.approx([-4.947806, -1.101547, -1.101547, 3.125038], abs=5e-7)
    # The corrected covariances are for one step: those that are kept do not change.
    assert torch.equal(stage.memory.covariances, running)


def meta_loss(stage, own, meta, covariances):
    """L_meta after a step on L(θ, Σ), taken with a classifier of its own."""
    ahead = copy.deepcopy(stage.module.classifier)
    gradients = torch.autograd.grad(loss_at(stage, own, covariances), list(stage.module.classifier.parameters()))
    with torch.no_grad():
        for value, gradient in zip(ahead.parameters(), gradients, strict=True):
            value -= stage.rate_ahead * gradient
        return F.cross_entropy(ahead(meta.inputs), meta.labels).item()


def test_the_step_of_the_covariances_is_the_slope_of_the_meta_loss(worked: Any) -> None:
    """By central differences, for each entry."""
    stage, own, meta = worked
    running, height = stage.memory.covariances.clone(), 1e-4
    found = (running - stage.corrected(own, meta)) / 0.1
    for at in np.ndindex(*running.shape):
        moved = torch.zeros_like(running)
        moved[at] = height
        up, down = (meta_loss(stage, own, meta, running + sign * moved) for sign in (1, -1))
        assert found[at].item() == pytest.approx((up - down) / (2 * height), rel=1e-5, abs=1e-11), at


def test_gradients_of_the_augmented_loss(worked: Any) -> None:
    """The classifier is not held fixed within the quadratic form."""
    stage, own, _ = worked

    def loss(inputs, weight, covariances):
        return stage.augmented_loss(inputs @ weight.T, weight, own, covariances)

    given = (own.inputs, stage.module.classifier.weight, stage.memory.covariances)
    assert torch.autograd.gradcheck(loss, [value.detach().clone().requires_grad_() for value in given])


def by_definition(module, stage, own, meta, covariances):
    """Loss after the step of the covariances, image by image and through a second-order graph; and the features."""
    parameters = dict(module.named_parameters())
    margins = tensor(stage.criterion.margins.tolist())
    counts = np.array(small.data()[1].counts)
    weights = tensor((0.1 / (1 - 0.9**counts))[own.labels].tolist())

    def loss(given):
        features = module.backbone(own.inputs)
        weight = module.classifier.weight
        total: Any = 0.0
        for feature, label, share in zip(features, own.labels.tolist(), weights / weights.sum(), strict=True):
            logits = []
            for other in range(10):
                between = weight[other] - weight[label]
                spread = between @ given[label] @ between
                own_margin = margins[label] if other == label else 0.0
                bias = module.classifier.bias[other]
                logits.append(weight[other] @ feature + bias + stage.strength / 2 * spread - own_margin)
            total = total - share * torch.log_softmax(torch.stack(logits), 0)[label]
        return total, features

    moving = covariances.clone().requires_grad_()
    first, _ = loss(moving)
    gradients = torch.autograd.grad(first, list(parameters.values()), create_graph=True)
    pairs = zip(parameters.items(), gradients, strict=True)
    ahead = {name: value - 0.05 * gradient for (name, value), gradient in pairs}
    statistics = {name: value.clone() for name, value in module.named_buffers()}
    logits = torch.func.functional_call(module, (ahead, statistics), (meta.inputs,))
    (slope,) = torch.autograd.grad(F.cross_entropy(logits, meta.labels), moving)
    # The pass of the step ahead leaves no trace in the running statistics: as before it, for the real one.
    return (covariances - 0.1 * slope), loss


def test_a_step_is_the_one_defined() -> None:
    """In float64, on a network whose covariances have seen some batches, at the first step's rate and epoch's λ."""
    stage = learner(recipe={"batch_size": 12}, algorithm={"batch_size": 10})
    stage.module.double(), stage.memory.double()
    in_float32 = stage.normalise
    stage.normalise = lambda pixels: in_float32(pixels).double()
    drawn = stage.batches(stage.epoch(2))
    # Rates of epochs 1 and 2: half and all of 0.05 under the warm-up of two epochs.
    assert (stage.strength, stage.rate_ahead) == (0.375, 0.025)
    stage.rate_ahead = 0.05
    optimizer.set_rate(stage.optimizer, 0.05)
    one = step.make(stage)
    one(next(drawn))
    assert stage.memory.counts.sum() == 12
    batch = next(drawn)
    module, before = copy.deepcopy(stage.module), copy.deepcopy(stage.memory)
    momenta = [stage.optimizer.state[value]["momentum_buffer"].clone() for value in stage.module.parameters()]
    mixed = stage.prepare(batch)
    own, meta = mixed.rows(slice(None, -10)), mixed.rows(slice(-10, None))
    found = one(batch)

    statistics = {name: value.clone() for name, value in module.named_buffers()}
    corrected, loss = by_definition(module, stage, own, meta, before.covariances)
    for name, value in module.named_buffers():
        value.copy_(statistics[name])
    expected, features = loss(corrected)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)  # weights of images are in float32
    assert (corrected - before.covariances).abs().max() > 1e-7
    gradients = torch.autograd.grad(expected, list(module.parameters()))
    pairs = zip(module.parameters(), gradients, momenta, stage.module.parameters(), strict=True)
    for value, gradient, momentum, reached in pairs:
        velocity = 0.9 * momentum + gradient + 5e-4 * value
        torch.testing.assert_close(reached, value - 0.05 * velocity, rtol=1e-5, atol=1e-8)
    for name, value in module.named_buffers():
        torch.testing.assert_close(stage.module.get_buffer(name), value, msg=name)
    before.take_in(features.detach(), own.labels)
    for name, value in before.named_buffers():
        torch.testing.assert_close(stage.memory.get_buffer(name), value, msg=name)


def test_schedules_of_the_shipped_recipe() -> None:
    """λ_t of epochs 161 and 200, and the rate of the step ahead, which drops one epoch after the main one."""
    registry = load.load({}, [])
    whole = settings.stage1(registry, "cifar100", "if100", "resnet32", "metasaug", 0)
    recipe = train.Stage1.parse(whole).recipe
    assert whole["algorithm"]["strength"] == 0.75
    of_cifar10 = settings.stage1(registry, "cifar10", "if100", "resnet32", "metasaug", 0)
    assert of_cifar10["algorithm"]["strength"] == 0.5
    stage = learner(recipe={"epochs": 200, "defer": 160, "schedule": {"warmup": 0, "milestones": [159, 179]}})
    stage.settings = dataclasses.replace(stage.settings, recipe=recipe)
    assert len(next(stage.batches(stage.epoch(1))).labels) == recipe.batch_size
    found = []
    for number in (161, 180, 181, 200):
        stage.batches(stage.epoch(number))
        found.append((stage.strength / 0.75, schedule.learning_rate(recipe, number), stage.rate_ahead))
    expected = [(0.8, 1e-3, 1e-3), (0.895, 1e-5, 1e-3), (0.9, 1e-5, 1e-5), (0.995, 1e-5, 1e-5)]
    np.testing.assert_allclose(found, expected)


def test_in_bfloat16_a_step_is_nearly_the_same() -> None:
    """Forward mode knows no autocast, so its pass is in float32, as are features and covariances."""
    losses = []
    for precision in ("float32", "bfloat16"):
        stage = learner(compute={"precision": precision})
        drawn = stage.batches(stage.epoch(2))
        losses.append([stage.loss(stage.prepare(next(drawn))).item() for _ in range(2)])
        assert stage.memory.covariances.dtype == torch.float32
    assert losses[1] == pytest.approx(losses[0], rel=2e-2)
    assert losses[1] != losses[0]


def test_a_stage_2_may_stand_on_its_network() -> None:
    mine = {"label": "Mine", "paper": "mine", "stage1": "metasaug"}
    on_top = {"recipe": "MiSLAS-S2", "classifier": {"keep_stage1": True, "weight_rate": 0.0, "scale_rate": 1.0}}
    assert load.load({"methods": {"mine": mine | {"stage2": on_top}}}, []).methods["mine"]["stage1"] == "metasaug"


def test_a_head_that_is_not_linear_is_refused() -> None:
    with pytest.raises(InputError, match="metasaug requires a linear head, which 'cosine' is not"):
        learner(head={"name": "cosine", "scale": 1.0})


def run(folder, settings):
    stage = train.learner(*small.data(), settings)
    return stage, loop.fit(stage, settings.recipe, small.resume(folder))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A learner and its training of both phases without interruption."""
    return run(tmp_path_factory.mktemp("whole"), SETTINGS)


def test_the_first_phase_is_plain_cross_entropy_to_the_byte(whole: Any, tmp_path: Path) -> None:
    plain = small.changed(small.STAGE1, mixing=None, recipe={"epochs": 2})
    _, fitted = run(tmp_path, plain)
    assert whole[1].history[0] == fitted.history[0]
    assert whole[1].history[1]["loss"] != fitted.history[1]["loss"]


def test_a_run_stopped_in_its_second_phase_goes_on_to_the_same_bytes(whole: Any, tmp_path: Path) -> None:
    undisturbed, expected = whole
    stage, resume = learner(), small.resume(tmp_path)
    batches = stage.batches

    def stopping(epoch):
        for number, batch in enumerate(batches(epoch), start=epoch.first_batch):
            if (epoch.number, number) == (2, 3):
                signal.raise_signal(signal.SIGTERM)
            yield batch

    stage.batches = stopping
    with pytest.raises(Stopped, match="in epoch 2 after step 4"):
        loop.fit(stage, SETTINGS.recipe, resume)
    resumed, fitted = run(tmp_path, SETTINGS)
    assert fitted.history == expected.history
    assert fitted.last_state.keys() == expected.last_state.keys() == stage.module.state_dict().keys()
    assert all(torch.equal(value, expected.last_state[name]) for name, value in fitted.last_state.items())
    for name, value in undisturbed.memory.state_dict().items():
        assert torch.equal(resumed.memory.state_dict()[name], value)
    # Every image of the second phase was taken in once.
    assert resumed.memory.counts.tolist() == small.data()[1].counts
