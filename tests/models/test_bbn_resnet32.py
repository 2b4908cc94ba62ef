import math
from typing import Any

import pytest
import torch
from torch import nn

from longtail.models import bbn_resnet32, network, resnet32
from longtail.models.resnet32 import BasicBlock


@pytest.fixture
def backbone():
    """With running statistics that are not those of the start."""
    torch.manual_seed(0)
    built = bbn_resnet32.build(3).train()
    built(torch.randn(16, 3, 16, 16))
    return built.eval()


def test_parameter_count() -> None:
    # ResNet-32's stem, first block of each stage and the 12 others, and the last block once more.
    stem = 3 * 16 * 9 + 2 * 16
    firsts = sum(9 * (a * b + b * b) + 4 * b for a, b in ((16, 16), (16, 32), (32, 64)))
    others = 4 * sum(9 * 2 * b * b + 4 * b for b in (16, 32, 64))
    again = 9 * 2 * 64 * 64 + 4 * 64
    whole = network.build("bbn_resnet32", inputs=3, classes=10, seed=0)
    found = sum(value.numel() for value in whole.backbone.parameters())
    assert found == stem + firsts + others + again == 537_488
    assert sum(value.numel() for value in whole.classifier.parameters()) == 128 * 10 + 10


@pytest.mark.parametrize(("channels", "size"), [(3, 32), (1, 8)])
def test_two_halves_of_64_features(channels: int, size: int) -> None:
    built = bbn_resnet32.build(channels).eval()
    maps = []
    built.trunk.register_forward_hook(lambda module, given, out: maps.append(tuple(out.shape)))
    features = built(torch.rand(2, channels, size, size))
    assert features.shape == (2, built.feature_dim) == (2, 128)
    assert (features >= 0).all()
    assert maps == [(2, 64, size // 4, size // 4)]  # the trunk is passed once


def test_a_branch_is_its_half_of_the_features(backbone: Any) -> None:
    images = torch.randn(4, 3, 16, 16)
    features = backbone(images)
    torch.testing.assert_close(backbone.branch(images, backbone.conventional), features[:, :64])
    torch.testing.assert_close(backbone.branch(images, backbone.rebalancing), features[:, 64:])
    assert not torch.allclose(features[:, :64], features[:, 64:], atol=1e-2)


@pytest.mark.parametrize("block", ["conventional", "rebalancing"])
def test_trunk_and_either_block_are_a_resnet32(backbone: Any, block: str) -> None:
    plain = resnet32.build(3).eval()
    values = [*backbone.trunk.state_dict().values(), *getattr(backbone, block).state_dict().values()]
    plain.load_state_dict(dict(zip(plain.state_dict(), values, strict=True)))
    images = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(backbone.branch(images, getattr(backbone, block)), plain(images))


def test_trunk_learns_from_both_branches_and_a_block_from_its_own(backbone: Any) -> None:
    images = torch.randn(4, 3, 16, 16)
    for own, other in (("conventional", "rebalancing"), ("rebalancing", "conventional")):
        backbone.zero_grad(set_to_none=True)
        backbone.branch(images, getattr(backbone, own)).sum().backward()
        assert all(value.grad is not None for value in getattr(backbone, own).parameters())
        assert all(value.grad is None for value in getattr(backbone, other).parameters())
        assert all(value.grad is not None and value.grad.any() for value in backbone.trunk.parameters())


def test_every_convolution_is_drawn_from_kaiming() -> None:
    torch.manual_seed(0)
    built = bbn_resnet32.build(3)
    convolutions = [module for module in built.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == 31 + 2
    for convolution in convolutions:
        weight = convolution.weight
        # Five standard errors of a standard deviation of so many normal draws.
        expected = math.sqrt(2 / weight[0].numel())
        assert weight.std().item() == pytest.approx(expected, rel=5 / math.sqrt(2 * weight.numel()))
    assert isinstance(built.rebalancing, BasicBlock)
    assert not torch.equal(built.conventional.conv1.weight, built.rebalancing.conv1.weight)


def test_the_seed_settles_every_convolution() -> None:
    first, again, other = (network.build("bbn_resnet32", 3, 10, seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first if first[name].ndim == 4)
