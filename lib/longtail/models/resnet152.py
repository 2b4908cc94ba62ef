"""ResNet-152 for large images (He et al. 2016; methods card 1.4)."""

from typing import Any

from torchvision.models.resnet import Bottleneck

from longtail.models import _resnet

ONE_PIXEL = 32
LAST_STAGE = ["layer4"]
PUBLISHED = {
    "IMAGENET1K_V1": "https://download.pytorch.org/models/resnet152-394f9c45.pth",
    "IMAGENET1K_V2": "https://download.pytorch.org/models/resnet152-f82ba261.pth",
}


def build(channels: int) -> Any:
    """Images [B, C, H, W] to non-negative features [B, 2048]."""
    return _resnet.build(Bottleneck, [3, 8, 36, 3], channels)
