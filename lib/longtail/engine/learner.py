"""What the training loop asks of a stage."""

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from longtail.engine.batches import Batch, Mixed
from longtail.engine.device import Backend
from longtail.engine.distributed import World
from longtail.engine.seeding import Epoch


class Learner(Protocol):
    """A module to train, its optimiser, how it learns from a batch and how it is tested.

    The loop asks for losses and accuracies alone: what the module's outputs stand for is the learner's affair.
    """

    backend: Backend
    world: World
    micro_batches: int
    module: nn.Module
    optimizer: torch.optim.Optimizer
    # The mean loss on a split that neither trains nor tests; None where the data have none.
    validation_loss: Callable[[], float] | None

    def epoch(self, number: int, first_batch: int = 0) -> Epoch:
        """The epoch of a number, counted from 1, in this stage and under its order seed."""

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """The batches of an epoch from its first batch on."""

    def prepare(self, batch: Batch) -> Mixed:
        """Inputs as the network takes them, with their labels."""

    def loss(self, batch: Mixed) -> Tensor:
        """The mean loss of a batch."""

    def test_top1(self) -> float:
        """Test accuracy as a fraction."""
