"""One training step: forward, backward, update."""

import contextlib
import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from longtail.engine import graphs, optimizer
from longtail.engine.batches import Batch, Mixed
from longtail.engine.learner import Learner

Step = Callable[[Batch], Tensor]


def make(learner: Learner) -> Step:
    """The learner's training step, which returns the mean loss before the update; on a GPU it is captured.

    A resumed learner must be restored before, since a captured step keeps using the same tensors.
    """
    if not learner.backend.capture or learner.world.size > 1:
        return lambda batch: once(learner, batch)
    optimizer.hold_rates(learner.optimizer)

    def of_tensors(*values: Tensor) -> Tensor:
        return once(learner, Batch(*values))

    captured = graphs.Captured(of_tensors, lambda: undisturbed(learner))
    return lambda batch: captured(*tensors(batch))


def tensors(batch: Batch) -> list[Tensor]:
    """The tensors of a batch, of which `Batch(*tensors)` makes the batch again."""
    return [value for value in vars(batch).values() if value is not None]


def once(learner: Learner, batch: Batch) -> Tensor:
    """Take one step, not captured; returns the mean loss before the update."""
    learner.optimizer.zero_grad(set_to_none=True)
    mixed = learner.prepare(batch)
    if learner.world.size == learner.micro_batches == 1:
        loss = learner.loss(mixed)
        loss.backward()  # type: ignore[no-untyped-call]
    else:
        loss = _in_parts(learner, mixed)
    learner.optimizer.step()
    return loss.detach()


def _in_parts(learner: Learner, batch: Mixed) -> Tensor:
    """Sum the gradients over the parts of a batch, in this and the other processes; returns the mean loss."""
    world, count = learner.world, len(batch.labels)
    own = batch.rows(world.rows(count))
    total = torch.zeros((), device=batch.labels.device)
    for part in own.split(min(learner.micro_batches, len(own.labels))):
        loss = learner.loss(part) * (world.share(count) * len(part.labels) / len(own.labels))
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    learning = (parameter for group in learner.optimizer.param_groups for parameter in group["params"])
    world.add_up([total, *(parameter.grad for parameter in learning if parameter.grad is not None)])
    return total


@contextlib.contextmanager
def undisturbed(learner: Learner) -> Iterator[None]:
    """Restore, after the block, what training steps change: weights, statistics, memory, momenta."""
    states = [module.state_dict().values() for module in (learner.module, learner.memory)]
    tensors = [*itertools.chain(*states), *optimizer.state_tensors(learner.optimizer)]
    before = [value.clone() for value in tensors]
    try:
        yield
    finally:
        with torch.no_grad():
            for value, original in zip(tensors, before, strict=True):
                value.copy_(original)
