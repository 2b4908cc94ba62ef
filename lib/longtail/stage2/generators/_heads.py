"""Head classes, the statistics of their features, and the nearest ones to a point."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail import head_set
from longtail.runtime.errors import InputError
from longtail.stage2.generators._gaussians import upload

# Points whose distances to all head classes are computed at once.
BLOCK = 4096


@dataclass(frozen=True)
class Heads:
    """The H head classes, largest first: their numbers and images [H], means [H, D] (float64) and factors.

    The covariance of class h is factors[h]ᵀ·factors[h], of shape [min(n_h, D), D], float32.
    """

    classes: NDArray[np.int64]
    counts: NDArray[np.int64]
    means: Tensor
    factors: list[Tensor]

    def tail_rows(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the training set that belong to no head class."""
        return np.flatnonzero(~np.isin(labels, self.classes))


def of_features(settings: Mapping[str, Any], features: Tensor, labels: NDArray[np.int64], counts: list[int]) -> Heads:
    """The head classes that `head_rule` and `head_size` choose, with eqs. 1-3 of LADC on features [N, D].

    Raises InputError as `head_set.choose` does, if a head class has a single image and so no covariance, and if
    features are not finite.
    """
    classes = head_set.choose(counts, settings["head_rule"], settings["head_size"])
    smallest = classes[-1]
    if counts[smallest] < 2:
        raise InputError(
            f"head_size is {settings['head_size']:g}, which with head_rule '{settings['head_rule']}' makes class "
            f"{smallest} a head class, but its covariance needs two training images and it has {counts[smallest]}: "
            "lower it"
        )
    broken = len(features) - int(features.isfinite().all(dim=1).sum())
    if broken:
        raise InputError(
            f"{broken} of {len(features)} training images have features that are not finite: "
            "the Stage-1 run diverged, train it again"
        )
    means, factors = [], []
    for label in classes:
        mean, factor = mean_and_factor(features[upload(np.flatnonzero(labels == label), features.device)])
        means.append(mean)
        factors.append(factor.float())
    return Heads(classes, np.array(counts)[classes], torch.stack(means), factors)


def mean_and_factor(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean μ [D] and A [min(n, D), D] with AᵀA = Σ (divisor n - 1) of features [n, D], in float64 (LADC, eqs. 2-3).

    A comes from a QR decomposition, which also works for a singular Σ (features that are never active, n <= D).
    """
    exact = features.double()
    mean = exact.mean(dim=0)
    _, triangle = torch.linalg.qr(exact - mean, mode="r")
    return mean, triangle / (len(features) - 1) ** 0.5


def nearest(
    points: Tensor, rows: NDArray[np.int64], means: Tensor, number: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For the points [G, D] at `rows`: positions of the nearest means [H, D] and squared distances, both [G, m].

    m is `number`, or H where there are fewer; nearest first, and of equally near ones the first (LADC, eqs. 4-5).
    """
    number = min(number, len(means))
    positions = np.empty((len(rows), number), np.int64)
    squared = np.empty((len(rows), number))
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        chosen = points[upload(rows[block], points.device)].double()
        # Computed from differences: the faster way by products would not give exactly 0 for a point on a mean.
        distances = torch.cdist(chosen, means, compute_mode="donot_use_mm_for_euclid_dist").cpu().numpy()
        positions[block] = np.argsort(distances, axis=1, kind="stable")[:, :number]
        squared[block] = np.take_along_axis(distances, positions[block], axis=1) ** 2
    return positions, squared
