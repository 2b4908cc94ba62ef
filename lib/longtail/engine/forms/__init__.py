"""How examples of each form reach a network, one file for each of `data/forms/`, found by the same name.

A file has a class `Form`, which holds the examples of a data set and gives the sets of its splits. A training depends
on the file of its own form alone.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.data.arrays import Data
from longtail.engine.distributed import ALONE, World
from longtail.engine.seeding import Epoch
from longtail.models.network import Inputs
from longtail.runtime import parts
from longtail.settings.preprocessing import Preprocessing

# Augments further the examples at some positions of an order.
Policy = Callable[[Tensor, slice], Tensor]


def unchanged(examples: Tensor, positions: slice) -> Tensor:
    """No further augmentation."""
    return examples


class Examples(Protocol):
    """A set of examples on the device, or decoded as they are needed."""

    device: torch.device

    def __len__(self) -> int: ...

    def batches(
        self, order: NDArray[np.int64], batch_size: int, epoch: Epoch, policy: Policy = ...
    ) -> Iterator[Tensor]:
        """uint8 images [B, H, W, C] or int32 titles [B, L] that `order` names, from the epoch's first batch on.

        How an example is augmented depends on the epoch and its position in `order` alone.
        """


class Form(Protocol):
    """The examples of a data set, and what a network has to know of them."""

    inputs: Inputs
    side: int

    def normalise(self, batch: Tensor) -> Tensor:
        """A batch of examples as a network takes them."""

    def training(self, indices: NDArray[np.int64], *, augment: bool) -> Examples:
        """The training examples that `indices` keep."""

    def testing(self) -> Examples:
        """All test examples, not augmented."""

    def validation(self) -> tuple[Examples, Tensor] | None:
        """The split that neither trains nor tests, with its labels; None where the data have none."""


def of(
    data: Data, preprocessing: Preprocessing | None, device: torch.device, workers: int = 0, world: World = ALONE
) -> Form:
    """The form of a data set, its examples on `device`; `workers` processes decode images that stay in files."""
    form: Form = parts.find("engine.forms", data.form).Form(data, preprocessing, device, workers, world)
    return form
