"""Label-aware smoothing (MiSLAS, slides of that name): the more images a class has, the softer its label."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.smoothing import smoothing

SETTINGS = {
    "head": {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "description": "ε of the largest class"},
    "tail": {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "description": "ε of the smallest class"},
    "form": {"enum": ["concave", "linear", "convex"], "description": "how ε runs between them with the class size"},
    "las_form": {
        "enum": ["code", "paper"],
        "description": "ε spread over all K classes (official code) or over the K - 1 others (slides)",
    },
}


def build(settings: dict[str, Any], counts: list[int]) -> Callable[[Tensor, Tensor], Tensor]:
    """−Σ q_i log p_i for logits [B, K] and labels [B], one value an image.

    ε_y follows `head`, `tail` and `form` (longtail.smoothing). `las_form: code` spreads ε_y over all K classes
    (q_y = 1 − ε_y + ε_y/K, the official code); `paper` over the K − 1 others (q_y = 1 − ε_y, the slides).
    """
    factors = smoothing(counts, settings["head"], settings["tail"], settings["form"])
    classes = len(counts)

    @functools.cache
    def epsilon(device: torch.device) -> Tensor:  # copied once: a captured step may not copy from the host
        return torch.from_numpy(factors).float().to(device)

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        surprise = -F.log_softmax(logits, dim=1)  # [B, K]
        of_label = surprise.gather(1, labels[:, None]).squeeze(1)
        taken = epsilon(logits.device)[labels]
        if settings["las_form"] == "code":
            rest = surprise.mean(dim=1)
        else:
            rest = (surprise.sum(dim=1) - of_label) / (classes - 1)
        return (1 - taken) * of_label + taken * rest

    return loss
