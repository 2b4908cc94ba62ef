"""What every loss promises, those to come included."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests import small

from longtail import losses
from longtail.runtime import parts
from longtail.runtime.errors import InputError

COUNTS = [500, 314, 48, 5]
# Beside what methods set: both forms of a focal loss with a power that has no slope at 0, weighted either way.
FOCAL = [
    {"name": "focal", "form": form, "gamma": gamma, "weighted": weighted}
    for form in ("softmax", "sigmoid")
    for gamma in (0.5, 2.0)
    for weighted in ("outside", "inside")
]
# A loss that no method names is a case of its own, and fails.
CASES = [(name, block) for name, named in small.blocks("loss").items() for block in named or [None]]
CASES += [("focal", block) for block in FOCAL]
every_loss = pytest.mark.parametrize(("name", "chosen"), CASES, ids=str)


def build(name, chosen):
    if chosen is None:
        pytest.fail(f"loss '{name}' is not tested: no file of config/methods names it")
    return parts.find("losses", name).build(chosen, COUNTS)


def batch(dtype=torch.float64):
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 4, generator=rng, dtype=torch.float64) * 2
    weights = torch.rand(7, generator=rng, dtype=torch.float64) + 0.5
    return logits.to(dtype), torch.tensor([0, 0, 0, 1, 1, 2, 0]), weights


@every_loss
def test_slopes_are_those_of_the_values(name: str, chosen: dict[str, Any]) -> None:
    loss = build(name, chosen).double()
    logits, labels, weights = batch()
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, labels), logits)
    assert torch.autograd.gradcheck(lambda z: loss(z, labels, weights), logits)


@every_loss
def test_every_image_has_a_loss_times_its_weight(name: str, chosen: dict[str, Any]) -> None:
    loss = build(name, chosen)
    logits, labels, weights = batch()
    plain, weighted = loss(logits, labels), loss(logits, labels, weights)
    assert plain.shape == weighted.shape == (7,)
    assert (plain > 0).all()
    if chosen.get("weighted") != "inside":  # tests/losses/test_focal.py
        assert torch.equal(weighted, weights * plain)
    assert torch.equal(loss(logits, labels, torch.ones(7)), plain)


@every_loss
@pytest.mark.parametrize("move", [lambda loss: loss, lambda loss: loss.to(torch.float32)], ids=["built", "moved"])
def test_float32_logits_give_float32(name: str, chosen: dict[str, Any], move: Callable[..., Any]) -> None:
    logits, labels, weights = batch()
    expected = build(name, chosen)(logits, labels, weights)
    found = move(build(name, chosen))(logits.float(), labels, weights)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-6)


@every_loss
def test_values_of_classes_move_with_the_loss(name: str, chosen: dict[str, Any]) -> None:
    loss = build(name, chosen)
    held = {name for name, value in vars(loss).items() if isinstance(value, torch.Tensor)}
    assert not held, f"register_buffer what would stay behind on another device: {held}"


@every_loss
def test_class_is_offered_by_the_package(name: str, chosen: dict[str, Any]) -> None:
    expected = type(build(name, chosen))
    assert expected.__module__ == f"longtail.losses.{name}"
    assert expected.__doc__
    found = {}
    exec(f"from longtail.losses import {expected.__name__}", found)
    assert found[expected.__name__] is expected


@pytest.mark.parametrize("name", ["NoSuchLoss", "Balancedsoftmax", "Loss"])
def test_unknown_class_is_refused(name: str) -> None:
    with pytest.raises(ImportError, match=name):
        exec(f"from longtail.losses import {name}", {})
    with pytest.raises(AttributeError, match=name):
        getattr(losses, name)


def test_a_file_named_as_its_class_stays_a_module() -> None:
    assert losses.lade is importlib.import_module("longtail.losses.lade")
    assert losses.LADE is losses.lade.LADE


@pytest.mark.parametrize("name", ["balanced_softmax", "lade", "ldam"])
@pytest.mark.parametrize("counts", [[5, 0, 2], []])
def test_a_class_without_images_is_refused(name: str, counts: list[Any]) -> None:
    with pytest.raises(InputError, match=r"class counts .* must each be at least 1"):
        parts.find("losses", name).build(small.blocks("loss")[name][0], counts)
