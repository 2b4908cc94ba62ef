"""ResNet-50 for large images (He et al. 2016; methods card 1.4)."""

from typing import Any

from torchvision.models.resnet import Bottleneck

from longtail.models import _resnet

ONE_PIXEL = 32


def build(channels: int) -> Any:
    """Images [B, C, H, W] to non-negative features [B, 2048]."""
    return _resnet.build(Bottleneck, [3, 4, 6, 3], channels)
