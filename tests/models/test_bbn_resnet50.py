import math
from typing import Any

import pytest
import torch
from torch import nn

from longtail.models import bbn_resnet50, network, resnet50


@pytest.fixture(scope="module")
def backbone():
    return network.build("bbn_resnet50", inputs=3, classes=7, seed=0).backbone.eval()


def count(module):
    return sum(value.numel() for value in module.parameters())


def test_parameter_count() -> None:
    def block(planes_in, planes):
        """1x1, 3x3 and 1x1 convolutions and their batch norms."""
        convolutions = planes_in * planes + 9 * planes * planes + planes * 4 * planes
        return convolutions + 2 * (planes + planes + 4 * planes)

    stem = 3 * 64 * 49 + 2 * 64
    stages = 0
    for planes_in, planes, blocks in ((64, 64, 3), (256, 128, 4), (512, 256, 6), (1024, 512, 3)):
        shortcut = planes_in * 4 * planes + 2 * 4 * planes
        stages += block(planes_in, planes) + shortcut + (blocks - 1) * block(4 * planes, planes)
    with torch.device("meta"):
        built, plain = bbn_resnet50.build(3), resnet50.build(3)
    assert count(plain) == stem + stages == 25_557_032 - 2_049_000  # torchvision's, without its classifier
    assert count(built) == stem + stages + block(2048, 512) == 27_970_624
    assert built.feature_dim == 4096


def test_small_images_have_two_halves_of_2048_features(backbone: Any) -> None:
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        features = backbone(images)
        conventional, rebalancing = (
            backbone.branch(images, block) for block in (backbone.conventional, backbone.rebalancing)
        )
    assert features.shape == (2, backbone.feature_dim) == (2, 4096)
    assert (features >= 0).all()
    torch.testing.assert_close(features[:, :2048], conventional)
    torch.testing.assert_close(features[:, 2048:], rebalancing)
    assert not torch.allclose(conventional, rebalancing, rtol=1e-2)


@pytest.mark.parametrize("block", ["conventional", "rebalancing"])
def test_trunk_and_either_block_are_a_resnet50(backbone: Any, block: str) -> None:
    with torch.device("meta"):
        plain = resnet50.build(3).eval()
    values = [*backbone.trunk.state_dict().values(), *getattr(backbone, block).state_dict().values()]
    plain.load_state_dict(dict(zip(plain.state_dict(), values, strict=True)), assign=True)
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(backbone.branch(images, getattr(backbone, block)), plain(images))


def test_every_convolution_is_drawn_from_kaiming(backbone: Any) -> None:
    convolutions = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == 1 + 16 * 3 + 4 + 3  # stem, blocks, shortcuts and the last block again
    for convolution in convolutions:
        weight = convolution.weight
        expected = math.sqrt(2 / (weight[0, 0].numel() * convolution.out_channels))
        # Five standard errors of a standard deviation of so many normal draws.
        assert weight.std().item() == pytest.approx(expected, rel=5 / math.sqrt(2 * weight.numel()))
    assert not torch.equal(backbone.conventional.conv1.weight, backbone.rebalancing.conv1.weight)


def test_the_stem_takes_other_channels() -> None:
    with torch.device("meta"):
        built = bbn_resnet50.build(1)
    assert built.trunk[0].weight.shape == (64, 1, 7, 7)
