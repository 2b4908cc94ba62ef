"""Normalised classifier of LDAM-DRW (methods card 1.4)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SETTINGS = {
    "scale": {"type": "number", "exclusiveMinimum": 0, "description": "s: logits are s times the cosines (LDAM: 30)"},
}


class CosineClassifier(nn.Module):
    """z_k = s·cos(x, w_k) for features [B, D], without bias; the initial w_k is uniform in a cube, with length 1."""

    def __init__(self, features: int, classes: int, scale: float = 30.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(F.normalize(torch.empty(classes, features).uniform_(-1, 1), dim=1))
        self.scale = scale

    def forward(self, features: Tensor) -> Tensor:
        """Logits [B, K]."""
        return self.scale * F.linear(F.normalize(features, dim=1), F.normalize(self.weight, dim=1))


def build(settings: Mapping[str, Any], features: int, classes: int) -> CosineClassifier:
    """s·cos(x, w_k) for every class k."""
    return CosineClassifier(features, classes, settings["scale"])
