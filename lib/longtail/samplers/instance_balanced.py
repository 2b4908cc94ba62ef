"""Every image once."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from longtail.samplers import Indices


def draw(settings: Mapping[str, Any], labels: Indices, draws: int, rng: np.random.Generator) -> Indices:
    """A plain shuffle: the first `draws` (at most N) of a permutation of 0..N-1."""
    return rng.permutation(len(labels))[:draws]
