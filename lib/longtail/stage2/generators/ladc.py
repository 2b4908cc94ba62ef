"""LADC: a tail image is replaced by a draw from its own Gaussian, calibrated by nearby head classes (eqs. 1-12)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from longtail.stage2.generators import Draw, _heads
from longtail.stage2.generators._gaussians import Gaussians, of_rows
from longtail.stage2.generators._heads import Heads

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
    """Head rows give their own feature, tail rows a new draw of N(μ', Σ') with n_s = 1 (methods card "LADC").

    An `m` above the number of head classes means all of them.
    Raises InputError when features are not finite or there is no usable head or tail class.
    """
    heads = _heads.of_features(settings, features, labels, counts)
    tail = heads.tail_rows(labels)
    gaussians = calibrate(settings, heads, features, tail)
    return of_rows(gaussians, features, tail)


def calibrate(settings: Mapping[str, Any], heads: Heads, points: Tensor, rows: NDArray[np.int64]) -> Gaussians:
    """The posterior N(μ', Σ') of each point μ̂ at `rows` of points [_, D], eqs. 4-12 with n_s = 1."""
    neighbours, squared = _heads.nearest(points, rows, heads.means, settings["m"])
    weights = prior_weights(squared, heads.counts[neighbours], settings["w_rule"])
    prior = settings["beta"] / (1 + settings["beta"])
    return Gaussians(
        heads.means.float(),
        heads.factors,
        neighbours,
        weights.astype(np.float32),
        own=1 / (1 + settings["beta"]),
        prior=prior,
        spread=prior**0.5,
        dispersion=(prior * settings["alpha"]) ** 0.5,
    )


def prior_weights(squared: NDArray[np.float64], counts: NDArray[np.int64], rule: str) -> NDArray[np.float64]:
    """w [G, m], rows summing to 1, of head classes of `counts` images at `squared` distances, both [G, m] (eq. 6).

    `printed` grows with the distance, as in the equation; `inverse` falls with it, as the paper's text says; `count`
    ignores it. If all distances are 0, `printed` weights are equal; with `inverse`, a class at distance 0 gets all
    the weight (several share it by their counts).
    """
    if rule == "printed":
        raw = counts * squared
        raw[raw.sum(axis=1) == 0] = 1
    elif rule == "inverse":
        closest = squared.min(axis=1, keepdims=True)
        # Relative to the smallest distance, so that nothing is divided by a distance of 0.
        raw = counts * np.divide(closest, squared, out=np.ones_like(squared), where=squared > 0)
    else:
        raw = counts.astype(np.float64)
    weights: NDArray[np.float64] = raw / raw.sum(axis=1, keepdims=True)
    return weights
