"""Distribution Calibration for few-shot learning (Yang, Liu and Xu 2021), as LADC compares with it (Table 8)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from longtail.stage2.generators import Draw, _heads
from longtail.stage2.generators._gaussians import Gaussians, of_rows

SETTINGS = {
    "k": {"type": "integer", "minimum": 1, "description": "nearest head classes that are averaged (all, if fewer)"},
    "alpha": {"type": "number", "minimum": 0, "description": "α, added to every entry of the covariance"},
    "head_rule": {
        "enum": ["share", "top_k"],
        "description": "head classes: the fewest that hold a share of all images, or a number of the largest",
    },
    "head_size": {"type": "number", "exclusiveMinimum": 0, "description": "that share (0.6), or that number"},
}


def build(settings: Mapping[str, Any], features: Tensor, labels: NDArray[np.int64], counts: list[int]) -> Draw:
    """Head rows give their own feature, tail rows a new draw of N(μ', Σ') (methods card "DC").

    μ' is the mean of the k nearest head means and the image's own feature, Σ' = (Σ_i Σ^i)/k + α·11ᵀ: its last term
    shifts all entries by the same amount. A `k` above the number of head classes means all of them. The features are
    not transformed. Raises InputError if features are not finite or there is no usable head or tail class.
    """
    heads = _heads.of_features(settings, features, labels, counts)
    tail = heads.tail_rows(labels)
    neighbours, _ = _heads.nearest(features, tail, heads.means, settings["k"])
    k = neighbours.shape[1]
    gaussians = Gaussians(
        heads.means.float(),
        heads.factors,
        neighbours,
        np.full(neighbours.shape, 1 / k, np.float32),
        own=1 / (k + 1),
        prior=k / (k + 1),
        spread=k**0.5,
        dispersion=settings["alpha"] ** 0.5,
        common_noise=True,
    )
    return of_rows(gaussians, features, tail)
