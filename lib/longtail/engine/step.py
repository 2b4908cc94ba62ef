"""One training step: forward, backward, update."""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from longtail.engine import graphs, optimizer
from longtail.engine.batches import Batch, Mixed
from longtail.engine.learner import Learner

Step = Callable[[Batch], Tensor]


def make(learner: Learner) -> Step:
    """The learner's step, which gives the mean loss before the update; on a GPU it is captured as a CUDA graph.

    A learner that is resumed must have been restored before, since a captured step keeps its tensors.
    """
    if not learner.backend.capture or learner.world.size > 1:
        return lambda batch: _step(learner, batch)
    optimizer.hold_rates(learner.optimizer)

    def of_tensors(*values: Tensor) -> Tensor:
        return _step(learner, Batch(*values))

    captured = graphs.Captured(of_tensors, lambda: undisturbed(learner))
    return lambda batch: captured(*(value for value in vars(batch).values() if value is not None))


def _step(learner: Learner, batch: Batch) -> Tensor:
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
    """Gradients of a batch added up over its parts, here and in other processes: the same mean loss."""
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
    """Put back, after the block, what training steps change: weights, statistics, momenta."""
    held = [*learner.module.state_dict().values()]
    held += optimizer.remembered(learner.optimizer)
    before = [value.clone() for value in held]
    try:
        yield
    finally:
        with torch.no_grad():
            for value, kept in zip(held, before, strict=True):
                value.copy_(kept)
