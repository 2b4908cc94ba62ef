"""Titles, kept on the device: rows of character numbers, gathered batch by batch."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.data.forms.titles import Titles
from longtail.engine.distributed import World
from longtail.engine.forms import Policy, unchanged
from longtail.engine.seeding import Epoch
from longtail.models._titles import TitleInputs
from longtail.runtime.errors import InputError


class Form:
    """Titles, which need no normalisation; their side is their length in characters."""

    def __init__(self, data: Titles, preprocessing: None, device: torch.device, workers: int, world: World) -> None:
        self.data = data
        self.device = device
        self.side = int(data.train_titles.shape[1])
        self.inputs = TitleInputs(torch.from_numpy(data.vectors), self.side)

    def normalise(self, batch: Tensor) -> Tensor:
        """Titles, unchanged."""
        return batch

    def training(self, indices: NDArray[np.int64], *, augment: bool) -> "TitleSet":
        """The training titles that `indices` keep; nothing augments them."""
        return TitleSet(self.data.train_titles[indices], self.device)

    def testing(self) -> "TitleSet":
        """All test titles."""
        return TitleSet(self.data.test_titles, self.device)

    def validation(self) -> tuple["TitleSet", Tensor] | None:
        """The split that neither trains nor tests, with its labels; None where the data have none."""
        if not len(self.data.validation_labels):
            return None
        labels = torch.from_numpy(self.data.validation_labels).to(self.device)
        return TitleSet(self.data.validation_titles, self.device), labels


class TitleSet:
    """Titles [N, L] int32 kept on the device; nothing augments them."""

    def __init__(self, titles: NDArray[np.int32], device: torch.device) -> None:
        self.device = device
        self.titles = torch.from_numpy(titles).to(device)

    def __len__(self) -> int:
        return len(self.titles)

    def batches(
        self, order: NDArray[np.int64], batch_size: int, epoch: Epoch, policy: Policy = unchanged
    ) -> Iterator[Tensor]:
        """int32 batches [B, L] of the titles that `order` names, from the epoch's first batch on.

        Raises InputError where a `policy` would change them, since none is defined on titles.
        """
        if policy is not unchanged:
            raise InputError("RandAugment is defined on images, not on titles: set randaugment: null")
        rows = torch.from_numpy(order).to(self.device)
        for start in range(epoch.first_batch * batch_size, len(rows), batch_size):
            yield self.titles[rows[start : start + batch_size]]
