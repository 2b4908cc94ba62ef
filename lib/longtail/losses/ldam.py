"""LDAM (Cao et al., NeurIPS 2019): larger margins for rarer classes, on the cosines of a normalised classifier."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from longtail.losses._loss import Loss, class_sizes

SETTINGS = {
    "max_margin": {
        "type": "number",
        "minimum": 0,
        "maximum": 2,
        "description": "margin of the rarest class, in cosine",
    },
    "scale": {
        "type": "number",
        "exclusiveMinimum": 0,
        "same_as": "head.scale",
        "absent": 1.0,
        "description": "s of the cosine head, whose logits are s·cos; 1 of a head without a scale",
    },
}


class LDAM(Loss):
    """−log softmax(z − s·m_y·[k = y])_y with m_k ∝ n_k^(−1/4), the largest of which is `max_margin` (eqs. 12, 13).

    Logits are s·cos: the scale belongs to the head, so that training and testing differ only by the margin.
    """

    margins: Tensor

    def __init__(self, counts: Sequence[int], max_margin: float = 0.5, scale: float = 30.0) -> None:
        super().__init__()
        margins = class_sizes(counts) ** -0.25
        self.register_buffer("margins", margins * max_margin / margins.max())
        self.scale = scale

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Losses [B] of logits [B, K] = s·cos and labels [B]."""
        own = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
        return F.cross_entropy(logits - own * (self.scale * self.margins).to(logits.dtype), labels, reduction="none")


def build(settings: Mapping[str, Any], counts: list[int]) -> LDAM:
    """Cross-entropy of s·(cos − m_y·[k = y]) for logits [B, K] = s·cos and labels [B] (methods card "LDAM")."""
    return LDAM(counts, settings["max_margin"], settings["scale"])
