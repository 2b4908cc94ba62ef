"""mixup (Zhang et al. 2018): a label's share is that of its image."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

SETTINGS = {"alpha": {"type": "number", "exclusiveMinimum": 0, "description": "λ ~ Beta(α, α)"}}


def build(settings: Mapping[str, Any], counts: list[int]) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """λ itself, for every image of the batch (methods card "mixup")."""
    return lambda share, labels, partners: share
