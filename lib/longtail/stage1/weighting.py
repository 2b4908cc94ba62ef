"""What labels weigh in a Stage 1, from the start or after the recipe's `defer` epochs (DRW)."""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from longtail.engine.batches import Mixed
from longtail.runtime import parts
from longtail.settings.part import Part
from longtail.settings.stage1 import Stage1

Weights = Callable[[Tensor], Tensor]


class Weighting:
    """The weights of the `weighting` and `deferred.weighting` blocks; without both, batches stay as they are.

    Weights of 1 change no byte of a loss, so a deferred weighting trains as none does until it is in force. Which of
    the two it is stands in a tensor: a step that is recorded asks it anew.
    """

    def __init__(self, settings: Stage1, counts: list[int], device: torch.device) -> None:
        deferred = settings.deferred.weighting if settings.deferred else None
        self.first, self.deferred = _build(settings.weighting, counts), _build(deferred, counts)
        self.in_force = torch.zeros((), dtype=torch.bool, device=device)

    def begin(self, deferred: bool) -> None:
        """Say, before an epoch, whether what is deferred is in force."""
        self.in_force.fill_(deferred)

    def __call__(self, batch: Mixed) -> Mixed:
        """The batch with the weights of its labels and of its partners' labels."""
        if self.first is None and self.deferred is None:
            return batch
        partners = None if batch.partner_labels is None else self._of(batch.partner_labels)
        return dataclasses.replace(batch, weights=self._of(batch.labels), partner_weights=partners)

    def _of(self, labels: Tensor) -> Tensor:
        before = torch.ones_like(labels, dtype=torch.float32) if self.first is None else self.first(labels)
        return before if self.deferred is None else torch.where(self.in_force, self.deferred(labels), before)


def _build(weighting: Part | None, counts: list[int]) -> Weights | None:
    if weighting is None:
        return None
    built: Weights = parts.find("weightings", weighting.name).build(weighting.settings, counts)
    return built
