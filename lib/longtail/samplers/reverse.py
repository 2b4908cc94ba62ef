"""Reverse sampling (BBN): the rarer a class, the more often it is drawn, with replacement."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from longtail.samplers import Indices, tempered


def draw(settings: Mapping[str, Any], labels: Indices, draws: int, rng: np.random.Generator) -> Indices:
    """Independent rows: class i with a probability ∝ n_1/n_i, then any of its rows."""
    return tempered.draw({"level": "class", "tau": 1.0}, labels, draws, rng)
