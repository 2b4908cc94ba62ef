"""Softmax cross-entropy."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional as F


def build(settings: dict[str, Any], counts: list[int]) -> Callable[[Tensor, Tensor], Tensor]:
    """−log p_y for logits [B, K] and labels [B], one value an image."""
    return lambda logits, labels: F.cross_entropy(logits, labels, reduction="none")
