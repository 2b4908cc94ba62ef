"""Titles resident on the device: rows of character numbers, gathered a batch at a time."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.engine.images import Policy, unchanged
from longtail.runtime.errors import InputError


class TitleSet:
    """Titles [N, L] int32 kept on the device; nothing augments them."""

    def __init__(self, titles: NDArray[np.int32], device: torch.device) -> None:
        self.device = device
        self.titles = torch.from_numpy(titles).to(device)

    def __len__(self) -> int:
        return len(self.titles)

    def batches(
        self,
        order: NDArray[np.int64],
        batch_size: int,
        seed: tuple[int, ...],
        first: int = 0,
        policy: Policy = unchanged,
    ) -> Iterator[Tensor]:
        """int32 batches [B, L] of the titles `order` names, from batch number `first` on.

        Raises InputError where a `policy` would change them, since none is defined on titles.
        """
        if policy is not unchanged:
            raise InputError("RandAugment is defined on images, not on titles: set randaugment: null")
        rows = torch.from_numpy(order).to(self.device)
        for start in range(first * batch_size, len(rows), batch_size):
            yield self.titles[rows[start : start + batch_size]]


def as_they_are(titles: Tensor) -> Tensor:
    """What normalisation is of titles: nothing."""
    return titles
