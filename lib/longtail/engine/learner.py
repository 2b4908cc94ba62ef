"""The interface between the training loop and a stage."""

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from longtail.engine.batches import Batch, Mixed
from longtail.engine.device import Backend
from longtail.engine.distributed import World
from longtail.engine.seeding import Epoch


class Learner(Protocol):
    """A module to train with its optimiser, its batches, its loss and its test.

    Module, memory and optimiser are saved, and resumed from; the module alone is the result of the training.
    The loop uses only losses and accuracies; it does not know what the module's outputs mean.
    """

    backend: Backend
    world: World
    micro_batches: int
    module: nn.Module
    # What it keeps beside the module from step to step: buffers, changed in place; empty if it keeps nothing.
    memory: nn.Module
    optimizer: torch.optim.Optimizer
    # The mean loss on the validation split; None if the data have none.
    validation_loss: Callable[[], float] | None

    def epoch(self, number: int, first_batch: int = 0) -> Epoch:
        """Epoch `number`, counted from 1, of this stage and its order seed."""

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """The batches of an epoch from its first batch on."""

    def prepare(self, batch: Batch) -> Mixed:
        """The inputs for the network, with their labels."""

    def loss(self, batch: Mixed) -> Tensor:
        """The mean loss of a batch."""

    def test_top1(self) -> float:
        """Test accuracy as a fraction."""
