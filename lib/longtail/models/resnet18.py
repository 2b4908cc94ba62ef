"""ResNet-18 for large images (He et al. 2016), the small one of torchvision's that have trained weights."""

from typing import Any

from torchvision.models.resnet import BasicBlock

from longtail.models import _resnet

ONE_PIXEL = 32
LAST_STAGE = ["layer4"]
PUBLISHED = {"IMAGENET1K_V1": "https://download.pytorch.org/models/resnet18-f37072fd.pth"}


def build(channels: int) -> Any:
    """Images [B, C, H, W] to non-negative features [B, 512]."""
    return _resnet.build(BasicBlock, [2, 2, 2, 2], channels)
