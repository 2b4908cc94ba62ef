"""Balanced softmax (Ren et al., NeurIPS 2020), the logit-adjusted loss of Menon et al. (ICLR 2021) at τ = 1."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from longtail.losses._loss import Loss, class_sizes

SETTINGS = {
    "tau": {
        "type": "number",
        "minimum": 0,
        "description": "τ: how strongly class sizes shift the logits; 1 is exact",
    },
}


class BalancedSoftmax(Loss):
    """−log softmax(z + τ log π)_y, with π the shares of the classes in the training set; testing uses plain z."""

    shift: Tensor

    def __init__(self, counts: Sequence[int], tau: float = 1.0) -> None:
        super().__init__()
        sizes = class_sizes(counts)
        self.register_buffer("shift", tau * (sizes / sizes.sum()).log())

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Losses [B] of logits [B, K] and labels [B]."""
        return F.cross_entropy(logits + self.shift.to(logits.dtype), labels, reduction="none")


def build(settings: Mapping[str, Any], counts: list[int]) -> BalancedSoftmax:
    """−log softmax(z + τ log π)_y for logits [B, K] and labels [B] (methods card "Balanced Softmax")."""
    return BalancedSoftmax(counts, settings["tau"])
