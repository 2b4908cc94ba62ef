"""De-confounded classifier with removal of the mean feature's effect (Tang et al., NeurIPS 2020)."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.runtime.errors import InputError

WHOLE_BATCHES = True
SETTINGS = {
    "heads": {"type": "integer", "minimum": 1, "description": "H: parts that features and weights are split into"},
    "tau": {"type": "number", "exclusiveMinimum": 0, "description": "τ: scale of the logits"},
    "gamma": {"type": "number", "minimum": 0, "description": "γ: added to the length of a class's weights"},
    "mu": {
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "description": "μ: the decay of the running mean feature",
    },
    "alpha": {
        "type": "number",
        "minimum": 0,
        "description": "α: how much of the mean feature's effect testing removes",
    },
}


class CausalNormClassifier(nn.Module):
    """z_k = (τ/H)·Σ_h x̂_h·w_kh/(‖w_kh‖ + γ) for features [B, D] in H parts, without bias.

    Training keeps a running sum of mean features, d ← μ·d + mean(x), of which only the direction is used. Testing
    first subtracts α·cos(x_h, d_h)·d̂_h from x̂_h: the total direct effect (TDE).
    """

    mean: Tensor

    def __init__(
        self,
        features: int,
        classes: int,
        heads: int = 2,
        tau: float = 16.0,
        gamma: float = 1 / 32,
        mu: float = 0.9,
        alpha: float = 1.0,
    ) -> None:
        super().__init__()
        width = 1 / math.sqrt(features)
        self.weight = nn.Parameter(torch.empty(classes, features).uniform_(-width, width))
        self.register_buffer("mean", torch.zeros(features))
        self.heads, self.tau, self.gamma, self.mu, self.alpha = heads, tau, gamma, mu, alpha

    def forward(self, features: Tensor) -> Tensor:
        """Logits [B, K]; in evaluation mode without the effect of the mean feature."""
        parts = F.normalize(self._split(features), dim=2)  # [B, H, D/H]
        if self.training:
            with torch.no_grad():
                self.mean.mul_(self.mu).add_(features.mean(0))
        else:
            direction = F.normalize(self._split(self.mean[None]), dim=2)
            parts = parts - self.alpha * (parts * direction).sum(2, keepdim=True) * direction
        weights = self._split(self.weight)
        weights = weights / (weights.norm(dim=2, keepdim=True) + self.gamma)
        logits: Tensor = self.tau / self.heads * torch.einsum("bhd,khd->bk", parts, weights)
        return logits

    def _split(self, rows: Tensor) -> Tensor:
        return rows.reshape(len(rows), self.heads, -1)


def build(settings: Mapping[str, Any], features: int, classes: int) -> CausalNormClassifier:
    """(τ/H)·Σ_h x̂_h·ŵ_kh, at test time without the mean feature's effect (methods card "De-confound-TDE").

    Raises InputError if the features cannot be split into H equal parts.
    """
    if features % settings["heads"]:
        raise InputError(
            f"head causal_norm cannot split with heads={settings['heads']} the {features} features of this backbone: "
            "choose a divisor"
        )
    return CausalNormClassifier(features, classes, **{key: settings[key] for key in SETTINGS})
