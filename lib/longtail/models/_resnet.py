"""Shared by the ResNets for large images: torchvision's network without its classifier (methods card 1.4)."""

from typing import Any

from torch import Tensor, nn
from torchvision.models.resnet import ResNet


class Pooled(ResNet):  # type: ignore[misc]  # torchvision has no types
    """torchvision's network, which also shows the maps that it pools."""

    def maps(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] to non-negative maps [B, feature_dim, h, w]."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps = stage(maps)
        return maps  # type: ignore[no-any-return]


def build(block: Any, layers: list[int], channels: int) -> Any:
    """Images [B, C, H, W] to the average-pooled features [B, feature_dim] of a ResNet with so many blocks a stage.

    Convolutions are drawn from kaiming_normal (fan_out), N(0, √(2 / (k²·out))); state-dict names are torchvision's.
    """
    network: Any = Pooled(block, layers)
    if channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.feature_dim = network.fc.in_features
    network.fc = nn.Identity()
    return network
