"""Remix (Chou et al. 2020): pixels like mixup, but a much rarer class wins the label if its share is large enough."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

SETTINGS = {
    "alpha": {"type": "number", "exclusiveMinimum": 0, "description": "λ ~ Beta(α, α)"},
    "kappa": {"type": "number", "minimum": 1, "description": "κ: how many times rarer a class must be"},
    "tau": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "τ: the share below which an image loses its label",
    },
    "reduction": {
        "enum": ["per_sample", "batch_mean"],
        "description": "each image its own share of the label (paper) or all the mean (BagofTricks-LT)",
    },
}


def build(settings: Mapping[str, Any], counts: list[int]) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Shares [B] of the images' own labels (methods card "Remix").

    With n_i images in the label's class and n_j in the partner's: 0 where n_i/n_j ≥ κ and λ < τ; 1 where
    n_i/n_j ≤ 1/κ and 1−λ < τ; else λ. `per_sample` is the paper's; `batch_mean` gives all images the mean, which is
    what BagofTricks' mean-reduced loss comes to.
    """
    kappa, tau = settings["kappa"], settings["tau"]

    @functools.cache
    def sizes(device: torch.device) -> Tensor:  # copied once: a captured step may not copy from the host
        return torch.tensor(counts, dtype=torch.float64, device=device)

    def label_share(share: Tensor, labels: Tensor, partners: Tensor) -> Tensor:
        own, other = sizes(labels.device)[labels], sizes(labels.device)[partners]
        gives = (own >= kappa * other) & (share < tau)
        takes = (other >= kappa * own) & (1 - share < tau)
        shares = torch.where(gives, 0.0, torch.where(takes, 1.0, share))
        return shares.mean() if settings["reduction"] == "batch_mean" else shares

    return label_share
