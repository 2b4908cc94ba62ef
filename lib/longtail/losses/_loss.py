"""The base class of all losses."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from longtail.runtime.errors import InputError


def class_sizes(counts: Sequence[int]) -> Tensor:
    """Training images per class [K] in float64; raises InputError if a class has none, and so no prior or margin."""
    sizes = torch.tensor(counts, dtype=torch.float64)
    if not len(sizes) or not (sizes >= 1).all():
        raise InputError(f"class counts {list(counts)} must each be at least 1: leave classes without images out")
    return sizes


class Loss(nn.Module):
    """A loss with one value per image, which a subclass computes in `each`."""

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Losses [B] of logits [B, K] and labels [B]."""
        raise NotImplementedError

    def forward(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Losses [B], multiplied by the images' weights [B] if there are any."""
        values = self.each(logits, labels)
        return values if weights is None else weights.to(values.dtype) * values
