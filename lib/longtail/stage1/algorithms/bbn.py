"""BBN (Zhou et al., CVPR 2020): two branches, with instance-balanced and reversed sampling, weighted over time."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from longtail.engine import batches, seeding
from longtail.engine.batches import Batch, Mixed
from longtail.engine.seeding import Epoch
from longtail.runtime.errors import InputError
from longtail.settings.part import Part
from longtail.stage1.learner import Stage1Learner

WHOLE_BATCHES = True
WITHOUT = ["mixing", "weighting", "deferred"]
WORK = 2.0
SETTINGS = {
    "sampler": {
        "type": "object",
        "required": ["name"],
        "description": "sampler of the re-balancing branch, from lib/longtail/samplers, with its settings",
    },
}


class Learner(Stage1Learner):
    """Cumulative learning: δ = 1 − ((e − 1)/E)² moves from the conventional to the re-balancing branch, with E the
    recipe's `horizon`, or its epochs without one.

    A batch holds the rows of both branches, the conventional ones first. z = W·2[δ·f_c, (1 − δ)·f_r] + b, and the
    loss is δ·L(z, y_c) + (1 − δ)·L(z, y_r). Each branch passes through the trunk separately, so that batch norm does
    not mix them. Testing uses W·[f_c, f_r] + b. Source: the paper and its official code (methods card "BBN").
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        if not hasattr(self.module.backbone, "branch"):
            raise InputError(
                f"algorithm bbn requires a backbone with two branches, but {self.settings.backbone} has none: name "
                "one in the method's stage1.backbones"
            )
        self.delta = torch.ones((), device=self.backend.device)

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """Batches of both branches; the last one may be smaller, equally in both."""
        self.begin(epoch)
        recipe, sampler = self.settings.recipe, Part.parse(self.own["sampler"])
        self.delta.fill_(1 - ((epoch.number - 1) / (recipe.horizon or recipe.epochs)) ** 2)
        conventional = self.order(epoch)
        rebalancing = self.order(epoch, sampler=sampler, draws=len(conventional), purpose=seeding.SECOND_ORDER)
        size = recipe.batch_size
        return self.in_order(batches.side_by_side(conventional, rebalancing, size, size), 2 * size, epoch)

    def loss(self, batch: Mixed) -> Tensor:
        """The weighted loss of both branches."""
        half, delta = len(batch.labels) // 2, self.delta
        network: Any = self.module
        backbone = network.backbone
        with self.backend.autocast():
            conventional = backbone.branch(batch.inputs[:half], backbone.conventional).float()
            rebalancing = backbone.branch(batch.inputs[half:], backbone.rebalancing).float()
        logits = network.classifier(2 * torch.cat([delta * conventional, (1 - delta) * rebalancing], 1))
        conventional_loss = self.criterion(logits, batch.labels[:half]).mean()
        rebalancing_loss = self.criterion(logits, batch.labels[half:]).mean()
        return delta * conventional_loss + (1 - delta) * rebalancing_loss  # type: ignore[no-any-return]
