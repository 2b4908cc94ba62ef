"""LADC_Average: like LADC, but all images of a tail class share one Gaussian, that of the class mean (Table 8)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.stage2.generators import Draw, _heads
from longtail.stage2.generators._gaussians import HEAD, upload
from longtail.stage2.generators.ladc import calibrate

SETTINGS = {
    "m": {"type": "integer", "minimum": 1, "description": "nearest head classes that make the prior (all, if fewer)"},
    "alpha": {"type": "number", "minimum": 0, "description": "α, added to the variances of the prior"},
    "beta": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "β: trust in the prior over the class",
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
    """Head rows give their own feature, tail rows a new draw of their class's N(μ', Σ').

    μ̂ of eqs. 4-12 is the mean of the class. n_s stays 1: the size of the class would cancel the prior
    (methods card "LADC_Average"). An `m` above the number of head classes means all of them.
    Raises InputError when features are not finite or there is no usable head or tail class.
    """
    heads = _heads.of_features(settings, features, labels, counts)
    tail = heads.tail_rows(labels)
    classes, number = np.unique(labels[tail], return_inverse=True)
    which = np.full(len(labels), HEAD)
    which[tail] = number
    members = [upload(np.flatnonzero(labels == label), features.device) for label in classes]
    means = torch.stack([features[rows].double().mean(dim=0) for rows in members])
    gaussians = calibrate(settings, heads, means, np.arange(len(classes)))
    means = means.float()

    def draw(rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        points = features[upload(rows, features.device)]
        at_tail = np.flatnonzero(which[rows] != HEAD)
        class_means = means[upload(which[rows[at_tail]], features.device)]
        points.index_copy_(0, upload(at_tail, features.device), class_means)
        return gaussians.draw(points, which[rows], generator)

    return draw
