"""Draws from Gaussians around points, calibrated by nearby head classes, without computing a covariance matrix."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.stage2.generators import Draw

# Marks rows that have no Gaussian and keep their own feature.
HEAD = -1


def upload(values: NDArray[Any], device: torch.device) -> Tensor:
    """An array on the device, copied without waiting for the device."""
    return torch.from_numpy(values).to(device, non_blocking=True)


@dataclass(frozen=True)
class Gaussians:
    """G distributions of z = own·x + Σ_i w_i·(prior·μ_i + spread·ε_i·A_i) + dispersion·ε_0, ε ~ N(0, I).

    x is the point of a Gaussian, and i runs over its head classes: `neighbours` [G, m] are their positions among
    means [H, D] and factors A [H of [r, D]], `weights` [G, m] their shares w, which sum to 1. With `common_noise`,
    ε_0 is one number for all D entries, else one for each. Neighbours and weights are on the host, so that a draw
    knows which head classes it needs without waiting for the device.
    """

    means: Tensor
    factors: list[Tensor]
    neighbours: NDArray[np.int64]
    weights: NDArray[np.float32]
    own: float
    prior: float
    spread: float
    dispersion: float
    common_noise: bool = False

    def draw(self, points: Tensor, which: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """A new z for each point x [n, D] from its Gaussian `which` [n]; a point marked HEAD does not change."""
        tail = np.flatnonzero(which != HEAD)
        near, weights = self.neighbours[which[tail]], self.weights[which[tail]]
        # Grouped by head class: each needs one product, and its rows are contiguous in what is sent to the device.
        by_class = np.argsort(near, axis=None, kind="stable")
        classes, sizes = np.unique(near, return_counts=True)
        rows = torch.split(upload(np.repeat(tail, near.shape[1])[by_class], points.device), sizes.tolist())
        shares = torch.split(upload(weights.reshape(-1, 1)[by_class], points.device), sizes.tolist())

        def normal(number: int, width: int) -> Tensor:
            return torch.randn(number, width, generator=generator, device=points.device)

        drawn = points * upload(np.where(which == HEAD, 1, self.own).astype(np.float32), points.device)[:, None]
        for head, head_rows, share in zip(classes.tolist(), rows, shares, strict=True):
            noise = normal(len(head_rows), len(self.factors[head]))
            part = torch.addmm(self.means[head], noise, self.factors[head], beta=self.prior, alpha=self.spread)
            drawn.index_add_(0, head_rows, part.mul_(share))
        dispersed = normal(len(tail), 1 if self.common_noise else points.shape[1]).mul_(self.dispersion)
        return drawn.index_add_(0, upload(tail, points.device), dispersed.expand(-1, points.shape[1]))


def of_rows(gaussians: Gaussians, features: Tensor, tail: NDArray[np.int64]) -> Draw:
    """Draws in which each of the rows `tail`, in this order, has a Gaussian around its own feature."""
    which = np.full(len(features), HEAD)
    which[tail] = np.arange(len(tail))

    def draw(rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        return gaussians.draw(features[upload(rows, features.device)], which[rows], generator)

    return draw
