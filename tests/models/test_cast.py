"""Weights cast together are those that autocast casts one by one, to the byte."""

import collections
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from longtail.models import network
from longtail.models.network import EARLIER, LAST, Network


class Casts(TorchDispatchMode):
    """Counts the operations that copy to another precision."""

    def __init__(self) -> None:
        super().__init__()
        self.found: collections.Counter[str] = collections.Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found[function.name()] += "copy" in function.name()
        return function(*args, **(kwargs or {}))


def computed(built: Network) -> tuple[list[Tensor | None], dict[str, int]]:
    """What a step computes: logits, gradients, running statistics; and how it casts."""
    images = torch.linspace(-2, 2, 5 * 64).sin().view(5, 1, 8, 8)
    with Casts() as casts:
        with torch.autocast("cpu", torch.bfloat16):
            logits = built(images)
        logits.square().sum().backward()
    gradients = [parameter.grad for parameter in built.parameters()]
    return [logits, *gradients, *built.buffers()], {name: count for name, count in casts.found.items() if count}


@pytest.mark.parametrize("frozen", [[], [EARLIER], [EARLIER, LAST]])
def test_a_step_is_the_same_to_the_byte(frozen: list[str]) -> None:
    results = []
    for together in (False, True):
        built = network.build("resnet32", 1, 3, seed=0).to(memory_format=torch.channels_last)
        built.casts_together = together
        built.freeze(frozen)
        results.append(computed(built.train())[0])
    for expected, found in zip(*results, strict=True):
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert torch.equal(found, expected)
            assert found.stride() == expected.stride()


def test_two_copies_replace_those_of_31_weights_and_gradients() -> None:
    built = network.build("resnet32", 1, 3, seed=0).to(memory_format=torch.channels_last)
    _, one_by_one = computed(built)
    built.casts_together = True
    _, together = computed(built)
    # Images and features are cast by themselves, and the gradient of the features.
    assert one_by_one == {"aten::_to_copy": 2 * 31 + 3}
    assert together == {"aten::_foreach_copy_": 2, "aten::_to_copy": 3}


def test_other_precisions_cast_nothing() -> None:
    built = network.build("resnet32", 1, 3, seed=0)
    built.casts_together = True
    with Casts() as casts:
        built(torch.zeros(2, 1, 8, 8))
    assert not +casts.found
