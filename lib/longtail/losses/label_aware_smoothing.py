"""Label-aware smoothing (MiSLAS, slides of that name): the more images a class has, the softer its label."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.losses._loss import Loss
from longtail.runtime.errors import InputError
from longtail.smoothing import smoothing

SETTINGS = {
    "head": {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "description": "ε of the largest class"},
    "tail": {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "description": "ε of the smallest class"},
    "form": {"enum": ["concave", "linear", "convex"], "description": "how ε depends on the class size between them"},
    "las_form": {
        "enum": ["code", "paper"],
        "description": "ε spread over all K classes (official code) or over the K - 1 others (slides)",
    },
}


class LabelAwareSmoothing(Loss):
    """−Σ q_i log p_i with a smoothed label q.

    ε_y follows `head`, `tail` and `form` (longtail.smoothing). `las_form: code` spreads ε_y over all K classes
    (q_y = 1 − ε_y + ε_y/K, the official code); `paper` over the K − 1 others (q_y = 1 − ε_y, the slides).
    """

    epsilon: Tensor

    def __init__(self, counts: Sequence[int], head: float, tail: float, form: str, las_form: str) -> None:
        super().__init__()
        if las_form == "paper" and len(counts) < 2:
            raise InputError("las_form 'paper' spreads over the other classes, and there is one class: use 'code'")
        self.las_form = las_form
        self.register_buffer("epsilon", torch.from_numpy(smoothing(counts, head, tail, form)).float())

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Losses [B] of logits [B, K] and labels [B]."""
        surprise = -F.log_softmax(logits, dim=1)  # [B, K]
        label_surprise = surprise.gather(1, labels[:, None]).squeeze(1)
        taken = self.epsilon[labels]
        if self.las_form == "code":
            rest = surprise.mean(dim=1)
        else:
            rest = (surprise.sum(dim=1) - label_surprise) / (logits.shape[1] - 1)
        return (1 - taken) * label_surprise + taken * rest


def build(settings: Mapping[str, Any], counts: list[int]) -> LabelAwareSmoothing:
    """−Σ q_i log p_i for logits [B, K] and labels [B], with labels smoothed as `settings` say."""
    return LabelAwareSmoothing(counts, settings["head"], settings["tail"], settings["form"], settings["las_form"])
