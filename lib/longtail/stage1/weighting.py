"""Weights of labels in a Stage 1, from the start or after the recipe's `defer` epochs (DRW)."""

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
    """The weights of the `weighting` and `deferred.weighting` blocks; without both, batches get no weights.

    Weights of 1 change no byte of a loss, so training with a deferred weighting equals training without weights until
    the deferred one is active. Whether it is active is stored in a tensor, which a captured step reads each time.
    """

    def __init__(self, settings: Stage1, counts: list[int], device: torch.device) -> None:
        deferred = settings.deferred.weighting if settings.deferred else None
        self.first, self.deferred = _build(settings.weighting, counts), _build(deferred, counts)
        self.is_active = torch.zeros((), dtype=torch.bool, device=device)

    def begin(self, deferred: bool) -> None:
        """Set, before an epoch, whether the deferred weighting is active."""
        self.is_active.fill_(deferred)

    def __call__(self, batch: Mixed) -> Mixed:
        """The batch with the weights of its labels and of its partners' labels."""
        if self.first is None and self.deferred is None:
            return batch
        partners = None if batch.partner_labels is None else self._of(batch.partner_labels)
        return dataclasses.replace(batch, weights=self._of(batch.labels), partner_weights=partners)

    def _of(self, labels: Tensor) -> Tensor:
        before = torch.ones_like(labels, dtype=torch.float32) if self.first is None else self.first(labels)
        return before if self.deferred is None else torch.where(self.is_active, self.deferred(labels), before)


def _build(weighting: Part | None, counts: list[int]) -> Weights | None:
    if weighting is None:
        return None
    built: Weights = parts.find("weightings", weighting.name).build(weighting.settings, counts)
    return built
