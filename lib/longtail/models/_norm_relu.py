"""Batch norm and ReLU, with a shortcut added in between, by PyTorch's modules."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

# Of a batch norm, maps [B, C, H, W] and, if there is one, a shortcut of the same shape.
NormReLU = Callable[..., Tensor]


def norm_relu(norm: nn.BatchNorm2d, maps: Tensor, shortcut: Tensor | None = None) -> Tensor:
    """relu(norm(maps)) or relu(norm(maps) + shortcut); maps and shortcut [B, C, H, W]."""
    out: Tensor = norm(maps)
    if shortcut is not None:
        out = out.add_(shortcut)
    return F.relu(out, inplace=True)
