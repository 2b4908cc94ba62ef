"""How examples of each form reach a network: one file for each of `data/forms/`, with the same name.

A file has a class `Form`, which holds the examples of a data set and provides its training and test sets. A training
depends only on the file of its own form.
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

# Further augmentation of the examples at some positions of an order.
Policy = Callable[[Tensor, slice], Tensor]


def unchanged(examples: Tensor, positions: slice) -> Tensor:
    """No further augmentation."""
    return examples


class Examples(Protocol):
    """A set of examples, kept on the device or decoded when needed."""

    device: torch.device

    def __len__(self) -> int: ...

    def batches(
        self, order: NDArray[np.int64], batch_size: int, epoch: Epoch, policy: Policy = ...
    ) -> Iterator[Tensor]:
        """uint8 images [B, H, W, C] or int32 titles [B, L] in the given `order`, from the epoch's first batch on.

        The augmentation of an example depends only on the epoch and its position in `order`.
        """


class Form(Protocol):
    """The examples of a data set, and what a network needs to know about them (`inputs`, `side`)."""

    inputs: Inputs
    side: int

    def normalise(self, batch: Tensor) -> Tensor:
        """A batch of examples as input for a network."""

    def training(self, indices: NDArray[np.int64], *, augment: bool) -> Examples:
        """The training examples at `indices`."""

    def testing(self) -> Examples:
        """All test examples, not augmented."""

    def validation(self) -> tuple[Examples, Tensor] | None:
        """The validation split with its labels; None if the data have none."""


def of(
    data: Data, preprocessing: Preprocessing | None, device: torch.device, workers: int = 0, world: World = ALONE
) -> Form:
    """The form of a data set, its examples on `device`; `workers` processes decode images that stay in files."""
    form: Form = parts.find("engine.forms", data.form).Form(data, preprocessing, device, workers, world)
    return form
