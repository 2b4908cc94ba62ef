from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from longtail.models import network
from longtail.settings.part import Part
from longtail.settings.stage2 import Classifier
from longtail.stage2 import classifier

CRT = Classifier(keep_stage1=False, weight_rate=1.0, scale_rate=0.0, offset_rate=0.0)
LWS = Classifier(keep_stage1=True, weight_rate=0.0, scale_rate=1.0, offset_rate=0.0)
MISLAS = Classifier(keep_stage1=True, weight_rate=0.2, scale_rate=1.0, offset_rate=0.0)
LWS_PLUS = replace(LWS, offset_rate=1.0)
CLASSES = 4
RATE, DECAY = 0.1, 0.01


@pytest.fixture
def stage1():
    return {
        f"classifier.{name}": value
        for name, value in network.build("resnet32", 1, CLASSES, seed=0).classifier.state_dict().items()
    }


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(12, 64, generator=generator), torch.arange(12) % CLASSES


def mean_surprise(logits, labels):
    return -torch.log(torch.softmax(logits, dim=1)[range(len(labels)), labels]).mean()


def stepped(settings, stage1, batch):
    """A classifier before and after one step of SGD with weight decay, and the gradients of that step."""
    built = classifier.build(settings, stage1, seed=3)
    before = {name: value.clone() for name, value in built.state_dict().items()}
    groups = classifier.parameter_groups(built, settings)
    optimizer = torch.optim.SGD(groups, lr=RATE, momentum=0.9, weight_decay=DECAY)
    for group in optimizer.param_groups:
        group["lr"] = RATE * group["rate_factor"]
    mean_surprise(built(batch[0]), batch[1]).backward()
    optimizer.step()
    gradients = {name: value.grad for name, value in built.named_parameters()}
    return before, dict(built.state_dict()), gradients


def test_crt_starts_afresh_and_learns_weight_and_bias_only(stage1: Any, batch: Any) -> None:
    before, after, _ = stepped(CRT, stage1, batch)
    assert not torch.equal(before["weight"], stage1["classifier.weight"])
    assert not torch.equal(before["bias"], stage1["classifier.bias"])
    assert before["weight"].std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.3)
    assert not torch.equal(after["weight"], before["weight"])
    assert not torch.equal(after["bias"], before["bias"])
    assert torch.equal(after["scale"], torch.ones(CLASSES))


def test_crt_is_settled_by_its_seed(stage1: Any) -> None:
    first, again, other = (classifier.build(CRT, stage1, seed).weight for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", [None, "linear", "linear_uniform"])
def test_fresh_classifier_is_drawn_as_the_head_of_stage1(stage1: Any, name: str | None) -> None:
    built = classifier.build(CRT, stage1, 3, Part(name) if name else None)
    torch.manual_seed(3)
    expected = nn.Linear(64, CLASSES)
    if name != "linear_uniform":
        nn.init.kaiming_normal_(expected.weight)
    assert torch.equal(built.weight, expected.weight)
    assert torch.equal(built.bias, expected.bias)


def test_fresh_classifier_leaves_the_global_random_state_alone(stage1: Any) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    classifier.build(CRT, stage1, seed=3)
    assert torch.equal(torch.rand(3), expected)


def test_lws_learns_the_scale_only(stage1: Any, batch: Any) -> None:
    before, after, _ = stepped(LWS, stage1, batch)
    assert torch.equal(before["scale"], torch.ones(CLASSES))
    for part in ("weight", "bias"):
        assert torch.equal(before[part], stage1[f"classifier.{part}"])
        assert torch.equal(after[part], before[part])
    assert (after["scale"] != before["scale"]).all()


def test_lws_plus_learns_scale_and_offset_only(stage1: Any, batch: Any) -> None:
    """f from 1 and g from 0, with decay on both: LADC, eq. 14."""
    before, after, gradients = stepped(LWS_PLUS, stage1, batch)
    assert torch.equal(before["scale"], torch.ones(CLASSES))
    assert torch.equal(before["offset"], torch.zeros(CLASSES))
    for part in ("weight", "bias"):
        assert torch.equal(after[part], stage1[f"classifier.{part}"])
    for part in ("scale", "offset"):
        torch.testing.assert_close(after[part], before[part] - RATE * (gradients[part] + DECAY * before[part]))
    features, labels = batch
    logits = features @ stage1["classifier.weight"].T + stage1["classifier.bias"]
    error = torch.softmax(logits, dim=1) - torch.eye(CLASSES)[labels]
    torch.testing.assert_close(gradients["offset"], error.mean(dim=0))


def test_offset_is_not_scaled() -> None:
    built = classifier.ScaledClassifier(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([3.0, -1.0]))
    with torch.no_grad():
        built.scale.copy_(torch.tensor([2.0, 10.0]))
        built.offset.copy_(torch.tensor([0.5, -4.0]))
    assert built(torch.tensor([[5.0, 7.0]])).tolist() == [[16.5, 126.0]]


def test_an_offset_that_does_not_learn_changes_no_bit(stage1: Any, batch: Any) -> None:
    built = classifier.build(LWS, stage1, seed=0)
    logits = built.scale * torch.nn.functional.linear(batch[0], built.weight, built.bias)
    assert torch.equal(built(batch[0]), logits)


def test_mislas_learns_all_at_their_rates_with_decay_on_all(stage1: Any, batch: Any) -> None:
    before, after, gradients = stepped(MISLAS, stage1, batch)
    for part, rate in (("weight", 0.2 * RATE), ("bias", 0.2 * RATE), ("scale", RATE)):
        expected = before[part] - rate * (gradients[part] + DECAY * before[part])
        torch.testing.assert_close(after[part], expected)
        assert not torch.equal(after[part], before[part])
    assert torch.equal(before["weight"], stage1["classifier.weight"])


def test_gradients_by_hand(stage1: Any, batch: Any) -> None:
    features, labels = batch
    _, _, gradients = stepped(MISLAS, stage1, batch)
    weight, bias = stage1["classifier.weight"], stage1["classifier.bias"]
    unscaled = features @ weight.T + bias
    error = torch.softmax(unscaled, dim=1) - torch.eye(CLASSES)[labels]  # s = 1
    torch.testing.assert_close(gradients["weight"], error.T @ features / 12)
    torch.testing.assert_close(gradients["bias"], error.mean(dim=0))
    torch.testing.assert_close(gradients["scale"], (error * unscaled).mean(dim=0))


def test_bias_is_scaled_too() -> None:
    built = classifier.ScaledClassifier(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([3.0, -1.0]))
    with torch.no_grad():
        built.scale.copy_(torch.tensor([2.0, 10.0]))
    assert built(torch.tensor([[5.0, 7.0], [0.0, 0.0]])).tolist() == [[16.0, 130.0], [6.0, -10.0]]


def test_stage1_state_is_not_shared(stage1: Any, batch: Any) -> None:
    before = {name: value.clone() for name, value in stage1.items()}
    stepped(MISLAS, stage1, batch)
    assert all(torch.equal(stage1[name], before[name]) for name in stage1)


@pytest.mark.parametrize(
    ("settings", "learning"),
    [
        (CRT, {"weight", "bias"}),
        (LWS, {"scale"}),
        (LWS_PLUS, {"scale", "offset"}),
        (MISLAS, {"weight", "bias", "scale"}),
    ],
)
def test_parts_that_learn(stage1: Any, settings: Any, learning: Any) -> None:
    built = classifier.build(settings, stage1, seed=0)
    assert {name for name, value in built.named_parameters() if value.requires_grad} == learning
    grouped = {id(p) for group in classifier.parameter_groups(built, settings) for p in group["params"]}
    assert grouped == {id(value) for name, value in built.named_parameters() if name in learning}
