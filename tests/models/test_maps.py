"""The last maps of a backbone, whose means are its features."""

from typing import Any

import pytest
import torch
from torchvision.models.resnet import Bottleneck

from longtail.models import _resnet, bbn_resnet32, network, resnet10, resnet32, textcnn
from longtail.models._titles import TitleInputs
from longtail.models.network import Network
from longtail.models.resnet152_last_block import LastBlock
from longtail.runtime import parts
from longtail.runtime.errors import InputError


def last_block(channels: int) -> LastBlock:
    """As the backbone of Places-LT, around fewer blocks."""
    return LastBlock(_resnet.build(Bottleneck, [1, 1, 1, 2], channels))


@pytest.mark.parametrize(
    ("build", "side", "shape"),
    [
        (resnet32.build, 32, (64, 8, 8)),
        (bbn_resnet32.build, 32, (128, 8, 8)),
        (resnet10.build, 96, (512, 3, 3)),
        (last_block, 64, (2048, 2, 2)),
    ],
)
def test_features_are_the_means_of_the_maps(build: Any, side: int, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    backbone = build(3).eval()
    images = torch.randn(2, 3, side, side)

    maps = backbone.maps(images)

    assert maps.shape == (2, *shape)
    torch.testing.assert_close(maps.mean((2, 3)), backbone(images))


def test_every_backbone_for_images_has_maps() -> None:
    for name in parts.names("models"):
        if name != "network" and parts.literal("models", name, "FORM", "images") == "images":
            with torch.device("meta"):
                built: Any = parts.find("models", name).build(3)
            assert callable(built.maps), name


def test_the_mean_of_an_activation_map_is_the_logit_without_its_bias() -> None:
    built = network.build("resnet32", 3, 10, seed=0).eval()
    images, labels = torch.randn(3, 3, 16, 16), torch.tensor([4, 0, 9])

    found = built.activation_maps(images, labels)

    assert found.shape == (3, 4, 4)
    logits = built(images)[torch.arange(3), labels]
    torch.testing.assert_close(found.mean((1, 2)) + built.classifier.bias[labels], logits)


def test_a_backbone_for_titles_is_refused() -> None:
    backbone = textcnn.build(TitleInputs(torch.randn(20, 8), 6))
    built = Network(backbone, torch.nn.Linear(768, 3))
    with pytest.raises(InputError, match="require the last map of a backbone, and TextCNN has none: name a backbone"):
        built.activation_maps(torch.zeros(2, 6, dtype=torch.int64), torch.tensor([0, 1]))
