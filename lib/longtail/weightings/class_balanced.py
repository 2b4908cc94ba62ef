"""Class-balanced weights by the effective number of images (Cui et al., CVPR 2019, eq. 9)."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.runtime.errors import InputError

SETTINGS = {
    "beta": {
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "description": "β: with 0 all classes weigh the same, towards 1 a class weighs 1/n",
    },
    "mean": {
        "enum": ["images", "weights"],
        "description": "divide a batch's weighted losses by its images (CB loss) or its weights (PyTorch, LDAM-DRW)",
    },
}


def class_weights(counts: Sequence[int], beta: float) -> NDArray[np.float64]:
    """Weights [K] ∝ (1 − β)/(1 − β^n), scaled to a mean of 1 (methods card "Class-balanced (CB) CE").

    β = 1 stands for the limit, 1/n. Raises InputError for a β outside 0 to 1 and for a class without images.
    """
    sizes = np.asarray(counts, dtype=np.float64)
    if not 0 <= beta <= 1:
        raise InputError(f"beta is {beta}, which weighs no class: choose a number from 0 to 1")
    if not (sizes >= 1).all():
        raise InputError(f"class counts {list(counts)} must each be at least 1: leave classes without images out")
    weights = 1 / sizes if beta == 1 else (1 - beta) / (1 - np.power(beta, sizes))
    scaled: NDArray[np.float64] = weights * len(weights) / weights.sum()
    return scaled


def build(settings: Mapping[str, Any], counts: list[int]) -> Callable[[Tensor], Tensor]:
    """w_y ∝ (1 − β)/(1 − β^n_y) for labels [B], with a mean of 1 over the classes (`mean: images`) or the batch."""
    of_classes = torch.from_numpy(class_weights(counts, settings["beta"])).float()

    @functools.cache
    def held(device: torch.device) -> Tensor:  # copied once: a captured step may not copy from the host
        return of_classes.to(device)

    def weights(labels: Tensor) -> Tensor:
        of_images = held(labels.device)[labels]
        return of_images / of_images.mean() if settings["mean"] == "weights" else of_images

    return weights
