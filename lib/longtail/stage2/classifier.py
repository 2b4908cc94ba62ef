"""The Stage-2 classifier of MiSLAS (slide "Label-aware Smoothing") and LADC's offset; cRT and LWS are cases of it."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.heads import linear
from longtail.runtime import parts
from longtail.settings.part import Part
from longtail.settings.stage2 import Classifier


class ScaledClassifier(nn.Module):
    """z = diag(s)((r·W + ΔW)ᵀx + b) + g for features [B, D]; r·W + ΔW is held as one weight.

    r = 0, ΔW learns, s = 1: cRT. r = 1, ΔW = 0, s learns: LWS; s and g learn: LWS-Plus (LADC, eq. 14). r = 1, ΔW
    and s learn: MiSLAS, with weight decay on W + ΔW as in its code. If g does not learn, it is 0.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone())
        self.bias = nn.Parameter(bias.clone())
        self.scale = nn.Parameter(torch.ones(len(bias)))
        self.offset = nn.Parameter(torch.zeros(len(bias)))

    def forward(self, features: Tensor) -> Tensor:
        """Logits [B, K]."""
        return self.scale * F.linear(features, self.weight, self.bias) + self.offset


def build(settings: Classifier, stage1: dict[str, Tensor], seed: int, head: Part | None = None) -> ScaledClassifier:
    """The classifier that `settings` describe.

    `stage1` is the Stage-1 network's state; if its classifier is not kept, a new one is drawn with the seed, as the
    head `head` (None: `linear`). Parts with rate 0 do not learn.
    """
    weight, bias = stage1["classifier.weight"], stage1["classifier.bias"]
    if not settings.keep_stage1:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            draw = linear.build if head is None else parts.find("heads", head.name).build
            fresh = draw(head.settings if head else {}, weight.shape[1], weight.shape[0])
        weight, bias = fresh.weight.detach(), fresh.bias.detach()
    classifier = ScaledClassifier(weight, bias)
    classifier.weight.requires_grad_(settings.weight_rate > 0)
    classifier.bias.requires_grad_(settings.weight_rate > 0)
    classifier.scale.requires_grad_(settings.scale_rate > 0)
    classifier.offset.requires_grad_(settings.offset_rate > 0)
    return classifier


def parameter_groups(classifier: ScaledClassifier, settings: Classifier) -> list[dict[str, Any]]:
    """Optimiser groups of the parts that learn; their rates are multiples of the recipe's learning rate."""
    groups: list[dict[str, Any]] = [
        {"params": [classifier.weight, classifier.bias], "rate_factor": settings.weight_rate},
        {"params": [classifier.scale], "rate_factor": settings.scale_rate},
        {"params": [classifier.offset], "rate_factor": settings.offset_rate},
    ]
    return [group for group in groups if group["rate_factor"] > 0]
