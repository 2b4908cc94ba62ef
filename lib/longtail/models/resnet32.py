"""ResNet-32 for 32x32 images, as LDAM-DRW, MiSLAS and BagofTricks build it (methods card 1.4)."""

import logging

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.models._norm_relu import NormReLU, norm_relu

log = logging.getLogger(__name__)
ONE_PIXEL = 4
LAST_STAGE = ["stages.2"]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a parameter-free shortcut (He et al. 2016, option A)."""

    def __init__(self, planes_in: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(planes_in, planes, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.stride = stride
        self.extra = (planes - planes_in) // 2
        self.norm_relu: NormReLU = norm_relu

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm_relu(self.bn1, self.conv1(x))
        out = self.conv2(out)
        if self.stride > 1:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.extra, self.extra))
        return self.norm_relu(self.bn2, out, x)


class ResNet32(nn.Module):
    """3x3 stem, three stages of five blocks (16/32/64 planes, strides 1/2/2), global average pool."""

    feature_dim = 64

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        stages = []
        planes_in = 16
        for planes, first_stride in ((16, 1), (32, 2), (64, 2)):
            blocks = []
            for index in range(5):
                blocks.append(BasicBlock(planes_in, planes, first_stride if index == 0 else 1))
                planes_in = planes
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.norm_relu: NormReLU = norm_relu

    def maps(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] to non-negative maps [B, 64, ⌈H/4⌉, ⌈W/4⌉]."""
        maps: Tensor = self.stages(self.norm_relu(self.bn1, self.conv1(images)))
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] to non-negative features [B, 64]."""
        return torch.mean(self.maps(images), dim=(2, 3))


def build(channels: int) -> ResNet32:
    """A ResNet-32 with every convolution drawn from kaiming_normal (fan_in, gain √2)."""
    network = ResNet32(channels)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return network


def fuse(backbone: nn.Module, precision: torch.dtype) -> bool:
    """Train all blocks of a backbone on a GPU by fused kernels, in the `precision` of training.

    Results change by rounding. False, with a warning in the log, if the kernels cannot be compiled here.
    """
    device = next(backbone.parameters()).device
    planes = {module.num_features for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)}
    try:
        from longtail.models import _fused_norm_relu

        _fused_norm_relu.check(sorted(planes), device, precision)
    except Exception as error:  # without Triton or a C compiler, or on a GPU that it does not know: of any type
        reason = str(error).strip().splitlines() or [type(error).__name__]
        log.warning("compute.fused has no effect, so training is slower: %s", reason[0])
        return False
    for module in backbone.modules():
        if isinstance(module, BasicBlock | ResNet32):
            module.norm_relu = _fused_norm_relu.norm_relu
    return True
