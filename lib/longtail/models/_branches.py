"""Two parallel blocks on one trunk, as in the backbones of BBN."""

from typing import Any

import torch
from torch import Tensor, nn


class TwoBranches(nn.Module):
    """Features of a conventional block and then of a re-balancing one, both on the maps of one trunk."""

    def __init__(self, trunk: nn.Module, conventional: nn.Module, rebalancing: nn.Module, feature_dim: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.conventional = conventional
        self.rebalancing = rebalancing
        self.feature_dim = feature_dim

    def branch(self, images: Tensor, block: nn.Module) -> Tensor:
        """Images [B, C, H, W] to non-negative features [B, feature_dim / 2] of one of the two blocks."""
        return torch.mean(block(self.trunk(images)), dim=(2, 3))

    def maps(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] to the non-negative maps [B, feature_dim, h, w] of both blocks."""
        shared = self.trunk(images)
        return torch.cat([self.conventional(shared), self.rebalancing(shared)], 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] to features [B, feature_dim]: those of the conventional block first."""
        maps = self.trunk(images)
        return torch.cat([torch.mean(block(maps), dim=(2, 3)) for block in (self.conventional, self.rebalancing)], 1)


def drawn(network: TwoBranches, **how: Any) -> TwoBranches:
    """The network with every convolution drawn from kaiming_normal."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, **how)
    return network
