import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from longtail.models import network, resnet32
from longtail.models.resnet32 import BasicBlock


def test_parameter_count() -> None:
    whole = sum(p.numel() for p in network.build("resnet32", inputs=3, classes=10, seed=0).parameters())
    # Stem, first block of each stage, the 12 other blocks, classifier; a convolution has a batch norm of 2·planes.
    stem = 3 * 16 * 9 + 2 * 16
    firsts = sum(9 * (a * b + b * b) + 4 * b for a, b in ((16, 16), (16, 32), (32, 64)))
    others = 4 * sum(9 * 2 * b * b + 4 * b for b in (16, 32, 64))
    assert whole == stem + firsts + others + 64 * 10 + 10 == 464_154
    assert round(whole / 1e6, 2) == 0.46


@pytest.mark.parametrize(("size", "channels", "maps"), [(32, 3, (32, 16, 8)), (8, 1, (8, 4, 2))])
def test_shapes(size: int, channels: int, maps: tuple[Any, ...]) -> None:
    backbone = resnet32.build(channels).eval()
    seen = []
    for stage in backbone.stages:
        stage.register_forward_hook(lambda module, given, out: seen.append(tuple(out.shape[1:])))
    images = torch.rand(2, channels, size, size)
    features = backbone(images)
    assert seen == [(planes, side, side) for planes, side in zip((16, 32, 64), maps, strict=True)]
    assert features.shape == (2, backbone.feature_dim) == (2, 64)


def test_32_layers_with_weights() -> None:
    built = network.build("resnet32", inputs=3, classes=10, seed=0)
    assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in built.modules()) == 32


def test_feature_is_the_mean_of_a_non_negative_map() -> None:
    backbone = resnet32.build(3).eval()
    maps = []
    backbone.stages.register_forward_hook(lambda module, given, out: maps.append(out.clone()))
    features = backbone(torch.randn(4, 3, 8, 8))
    assert (features >= 0).all()
    torch.testing.assert_close(features, maps[0].mean(dim=(2, 3)))


def test_images_are_left_as_they_are() -> None:
    images = torch.randn(2, 3, 8, 8)
    before = images.clone()
    network.build("resnet32", inputs=3, classes=10, seed=0)(images)
    assert torch.equal(images, before)


def test_shortcut_takes_every_second_pixel_and_pads_the_planes() -> None:
    block = BasicBlock(16, 32, stride=2).eval()
    nn.init.zeros_(block.bn2.weight)  # the convolutions then add nothing
    x = torch.rand(2, 16, 8, 8)
    out = block(x)
    assert out.shape == (2, 32, 4, 4)
    assert torch.equal(out[:, 8:24], x[:, :, 0::2, 0::2])
    assert not out[:, :8].any()
    assert not out[:, 24:].any()


def test_shortcut_within_a_stage_is_the_identity() -> None:
    block = BasicBlock(16, 16, stride=1).eval()
    nn.init.zeros_(block.bn2.weight)
    x = torch.randn(2, 16, 8, 8)
    assert torch.equal(block(x.clone()), F.relu(x))


def test_block_adds_two_normalised_convolutions() -> None:
    block = BasicBlock(4, 4, stride=1).train()
    x = torch.randn(6, 4, 5, 5)

    def normalised(planes):
        mean, variance = planes.mean((0, 2, 3), keepdim=True), planes.var((0, 2, 3), correction=0, keepdim=True)
        return (planes - mean) / torch.sqrt(variance + 1e-5)

    inner = normalised(F.conv2d(x, block.conv1.weight, padding=1)).clamp(min=0)
    expected = (normalised(F.conv2d(inner, block.conv2.weight, padding=1)) + x).clamp(min=0)
    torch.testing.assert_close(block(x.clone()), expected, rtol=1e-4, atol=1e-5)


def test_initial_weights_have_the_spread_of_kaiming() -> None:
    built = network.build("resnet32", inputs=3, classes=100, seed=0)
    for module in built.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight = module.weight
            expected = math.sqrt(2 / weight[0].numel())
            # Five standard errors of a standard deviation (and of a mean) of so many normal draws.
            assert weight.std().item() == pytest.approx(expected, rel=5 / math.sqrt(2 * weight.numel()))
            assert abs(weight.mean().item()) < 5 * expected / math.sqrt(weight.numel())
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert not module.bias.any()
    assert 0 < built.classifier.bias.abs().max() <= 1 / math.sqrt(64)  # PyTorch's default
