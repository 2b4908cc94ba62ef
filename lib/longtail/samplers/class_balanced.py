"""Class-balanced sampling with replacement (BagofTricks-LT, of cRT and LWS)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from longtail.samplers import Indices, tempered


def draw(settings: Mapping[str, Any], labels: Indices, draws: int, rng: np.random.Generator) -> Indices:
    """Independent rows: any class, then any of its rows."""
    return tempered.draw({"level": "class", "tau": 0.0}, labels, draws, rng)
