"""LADE (Hong et al., CVPR 2021): balanced softmax, and a lower bound that disentangles logits from class sizes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.losses._loss import class_sizes
from longtail.losses.balanced_softmax import BalancedSoftmax

WHOLE_BATCHES = True
SETTINGS = {
    "alpha": {"type": "number", "minimum": 0, "description": "α: weight of the regulariser"},
    "lambda": {"type": "number", "minimum": 0, "description": "λ: weight of the squared bound inside it"},
}


class LADE(BalancedSoftmax):
    """Balanced softmax + α·R of the batch, R = −Σ_c π_c·T_c (eqs. 9 to 12 and the official code).

    T_c = (mean of z_c over the batch's images of c) − D_c − λ·D_c², with D_c = log mean_i exp(z_ic − log π_c − log K)
    over the whole batch. The mean of a class without images in the batch is 0, as in the code.
    """

    prior: Tensor

    def __init__(self, counts: Sequence[int], alpha: float = 0.1, lambda_: float = 0.01) -> None:
        super().__init__(counts)
        sizes = class_sizes(counts)
        self.register_buffer("prior", sizes / sizes.sum())
        self.alpha = alpha
        self.lambda_ = lambda_

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Losses [B] of logits [B, K] and labels [B]; the regulariser, one number per batch, is added to each."""
        return super().each(logits, labels) + self.alpha * self.regulariser(logits, labels)

    def regulariser(self, logits: Tensor, labels: Tensor) -> Tensor:
        """R, a scalar, of the logits [B, K] and labels [B] of a batch."""
        size, classes = logits.shape
        prior = self.prior.to(logits.dtype)
        own = F.one_hot(labels, classes).to(logits.dtype)
        mean_own = (own * logits).sum(0) / own.sum(0).clamp(min=1)
        spread = logits - prior.log() - math.log(classes)
        bound = torch.logsumexp(spread, dim=0) - math.log(size)
        return -(prior * (mean_own - bound - self.lambda_ * bound**2)).sum()


def build(settings: Mapping[str, Any], counts: list[int]) -> LADE:
    """Balanced softmax with LADE's regulariser for logits [B, K] and labels [B] of a batch (methods card "LADE")."""
    return LADE(counts, settings["alpha"], settings["lambda"])
