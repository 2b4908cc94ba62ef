"""ResNet-10, 50, 101 and 152: one file each that differs in its blocks only, held against torchvision's."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from longtail.models import network, resnet10, resnet50, resnet101, resnet152


@pytest.mark.parametrize(
    ("part", "original"),
    [
        (resnet50, torchvision.models.resnet50),
        (resnet101, torchvision.models.resnet101),
        (resnet152, torchvision.models.resnet152),
    ],
)
def test_layers_are_torchvisions_without_the_classifier(part: Any, original: Callable[..., Any]) -> None:
    with torch.device("meta"):
        built, expected = part.build(3), original()
    shapes = {name: value.shape for name, value in expected.state_dict().items() if not name.startswith("fc.")}
    assert {name: value.shape for name, value in built.state_dict().items()} == shapes
    assert built.feature_dim == expected.fc.in_features == 2048


def test_resnet10_has_four_basic_blocks_and_torchvisions_initial_weights() -> None:
    torch.manual_seed(0)
    built = resnet10.build(3)
    torch.manual_seed(0)
    expected = ResNet(BasicBlock, [1, 1, 1, 1])
    expected.fc = nn.Identity()
    convolutions = [module for module in built.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == 1 + 4 * 2 + 3  # stem, blocks, shortcuts
    images = torch.rand(2, 3, 64, 64)
    assert torch.equal(built.eval()(images), expected.eval()(images))
    assert built.feature_dim == 512


def test_feature_is_the_mean_of_a_non_negative_map() -> None:
    built = resnet10.build(3).eval()
    maps = []
    built.layer4.register_forward_hook(lambda module, given, out: maps.append(out))
    features = built(torch.randn(2, 3, 64, 64))
    assert maps[0].shape == (2, 512, 2, 2)
    assert (features >= 0).all()
    torch.testing.assert_close(features, maps[0].mean(dim=(2, 3)))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_stem_takes_other_channels_and_is_drawn_alike(channels: int) -> None:
    stem = resnet10.build(channels).conv1.weight
    assert stem.shape == (64, channels, 7, 7)
    expected = math.sqrt(2 / (7 * 7 * 64))
    # Five standard errors of a standard deviation of so many normal draws.
    assert stem.std().item() == pytest.approx(expected, rel=5 / math.sqrt(2 * stem.numel()))


def test_the_seed_settles_a_network_of_resnet50() -> None:
    built = network.build("resnet50", inputs=3, classes=7, seed=0).eval()
    with torch.inference_mode():
        assert built.backbone(torch.rand(1, 3, 64, 64)).shape == (1, 2048)
        assert built(torch.rand(1, 3, 64, 64)).shape == (1, 7)
