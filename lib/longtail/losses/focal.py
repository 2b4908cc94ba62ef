"""Focal loss (Lin et al., ICCV 2017), by softmax as in LDAM-DRW's code or by sigmoids as in its own paper."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.losses._loss import Loss

SETTINGS = {
    "form": {
        "enum": ["softmax", "sigmoid"],
        "description": "one softmax over the classes (LDAM-DRW) or a sigmoid for each, summed (the paper, CB loss)",
    },
    "gamma": {
        "type": "number",
        "minimum": 0,
        "maximum": 100,
        "description": "γ: how much less easy images count",
    },
    "weighted": {
        "enum": ["inside", "outside"],
        "description": "whether a class weight scales the cross-entropy inside p (LDAM-DRW) or the loss",
    },
}


class Focal(Loss):
    """(1 − p_t)^γ · (−log p_t).

    `softmax`: p_t is the label's probability. `sigmoid`: the sum over classes k of that term, where p_t = σ(z_k) for
    the label and σ(−z_k) for the others. With class weights w and `weighted: inside`, log p_t becomes w·log p_t in
    both places, as LDAM-DRW computes it; the formula of the papers multiplies outside.
    """

    def __init__(self, gamma: float, form: str = "softmax", weighted: str = "outside") -> None:
        super().__init__()
        self.gamma = gamma
        self.form = form
        self.weighted = weighted

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Losses [B] of logits [B, K] and labels [B]."""
        return self._modulated(self._surprise(logits, labels)).sum(1)

    def forward(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Losses [B] with the images' weights [B] inside or outside, as `weighted` says."""
        if weights is None or self.weighted == "outside":
            return super().forward(logits, labels, weights)
        surprise = weights.to(logits.dtype)[:, None] * self._surprise(logits, labels)
        return self._modulated(surprise).sum(1)

    def _surprise(self, logits: Tensor, labels: Tensor) -> Tensor:
        """−log p_t: [B, 1] by softmax, [B, K] by sigmoids."""
        if self.form == "softmax":
            return F.cross_entropy(logits, labels, reduction="none")[:, None]
        own = F.one_hot(labels, logits.shape[1]).to(torch.bool)
        return -F.logsigmoid(torch.where(own, logits, -logits))

    def _modulated(self, surprise: Tensor) -> Tensor:
        # 1 − p_t, without cancellation if p_t is near 1; clamped, since a power below 1 has no derivative at 0.
        missing = (-torch.expm1(-surprise)).clamp(min=torch.finfo(surprise.dtype).tiny)
        return missing**self.gamma * surprise


def build(settings: Mapping[str, Any], counts: list[int]) -> Focal:
    """(1 − p_t)^γ · (−log p_t) for logits [B, K] and labels [B], one value per image (methods card "Focal")."""
    return Focal(settings["gamma"], settings["form"], settings["weighted"])
