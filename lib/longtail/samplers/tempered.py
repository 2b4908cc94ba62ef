"""A class by a power of its size, then any of its images, with replacement (LADC, eq. 13)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.samplers import Indices

SETTINGS = {
    "level": {
        "enum": ["instance", "class"],
        "description": "whether n^-τ weighs an image (its class then n^(1-τ)) or a class, as LADC writes eq. 13",
    },
    "tau": {
        "type": "number",
        "minimum": 0,
        "maximum": 10,
        "description": "τ: how much rarity counts (for images, 1 balances the classes)",
    },
}


def probabilities(counts: NDArray[np.int64], level: str, tau: float) -> NDArray[np.float64]:
    """P(class) [K] ∝ n_1/n_i^τ, eq. 13, or n_i times that where it weighs images; 0 for a class without images."""
    sizes = counts.astype(np.float64)
    weight = np.power(sizes, (1.0 if level == "instance" else 0.0) - tau, where=sizes > 0, out=np.zeros_like(sizes))
    share: NDArray[np.float64] = weight / weight.sum()
    return share


def draw(settings: Mapping[str, Any], labels: Indices, draws: int, rng: np.random.Generator) -> Indices:
    """Independent rows: a class by `probabilities`, then one of its rows uniformly."""
    counts = np.bincount(labels)
    classes = rng.choice(len(counts), size=draws, p=probabilities(counts, settings["level"], settings["tau"]))
    by_class = np.argsort(labels, kind="stable")  # the rows of class c start at starts[c]
    starts = np.cumsum(counts) - counts
    rows: Indices = by_class[starts[classes] + rng.integers(counts[classes])]
    return rows
