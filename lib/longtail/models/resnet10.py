"""ResNet-10 for large images (He et al. 2016; methods card 1.4)."""

from typing import Any

from torchvision.models.resnet import BasicBlock

from longtail.models import _resnet

ONE_PIXEL = 32
LAST_STAGE = ["layer4"]


def build(channels: int) -> Any:
    """Images [B, C, H, W] to non-negative features [B, 512]."""
    return _resnet.build(BasicBlock, [1, 1, 1, 1], channels)
