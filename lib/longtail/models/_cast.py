"""Weights of a module in the precision of autocast, by one kernel for all instead of one for each.

The numbers are those that autocast makes: it casts each weight in each step, and each gradient back.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def weights(module: nn.Module, precision: torch.dtype) -> dict[str, Tensor]:
    """Copies of all trainable weights of convolutions by name, with gradients in the precision of the weights."""
    named = {name: value for name, value in module.named_parameters() if value.ndim == 4 and value.requires_grad}
    return dict(zip(named, _Cast.apply(precision, *named.values()), strict=True)) if named else {}


class _Cast(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, precision: torch.dtype, *values: Tensor) -> tuple[Tensor, ...]:
        ctx.precision = values[0].dtype
        return _cast(values, precision)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return None, *_cast(gradients, ctx.precision)


def _cast(values: tuple[Tensor, ...], precision: torch.dtype) -> tuple[Tensor, ...]:
    copies = [torch.empty_like(value, dtype=precision) for value in values]
    torch._foreach_copy_(copies, list(values))
    return tuple(copies)
