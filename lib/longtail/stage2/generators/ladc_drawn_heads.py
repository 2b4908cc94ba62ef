"""LADC with head images replaced too, by draws from their class's Gaussian N(μ, Σ) (eq. 1)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.stage2.generators import Draw, _heads
from longtail.stage2.generators._gaussians import HEAD, Gaussians, of_rows
from longtail.stage2.generators.ladc import calibrate

SETTINGS = {
    "m": {"type": "integer", "minimum": 1, "description": "nearest head classes that make the prior (all, if fewer)"},
    "alpha": {"type": "number", "minimum": 0, "description": "α, added to the variances of the prior"},
    "beta": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "β: trust in the prior over the image",
    },
    "w_rule": {
        "enum": ["printed", "inverse", "count"],
        "description": "weight of a head class of n images at distance d: n·d² (eq. 6 as printed), n/d², or n",
    },
    "head_rule": {
        "enum": ["share", "top_k"],
        "description": "head classes: the fewest that hold a share of all images, or a number of the largest",
    },
    "head_size": {"type": "number", "exclusiveMinimum": 0, "description": "that share (0.6), or that number"},
}


def build(settings: Mapping[str, Any], features: Tensor, labels: NDArray[np.int64], counts: list[int]) -> Draw:
    """Head rows give a new draw of their class's N(μ, Σ), tail rows one of N(μ', Σ') as in LADC.

    This reads the "original distribution" of a head class as its Gaussian, not as its images (methods card "LADC").
    Raises InputError when features are not finite or there is no usable head or tail class.
    """
    heads = _heads.of_features(settings, features, labels, counts)
    tail = heads.tail_rows(labels)
    of_tail = of_rows(calibrate(settings, heads, features, tail), features, tail)
    of_class = Gaussians(
        heads.means.float(),
        heads.factors,
        np.arange(len(heads.classes))[:, None],
        np.ones((len(heads.classes), 1), np.float32),
        own=0.0,
        prior=1.0,
        spread=1.0,
        dispersion=0.0,
    )
    # By class; the rows of a head class share its Gaussian, and HEAD marks rows that this second draw leaves alone.
    position = np.full(len(counts), HEAD)
    position[heads.classes] = np.arange(len(heads.classes))

    def draw(rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        return of_class.draw(of_tail(rows, generator), position[labels[rows]], generator)

    return draw
