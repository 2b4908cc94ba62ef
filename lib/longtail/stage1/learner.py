"""How a network learns from batches in Stage 1; algorithms with a step of their own build on it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import batches, device, distributed, graphs, objective, optimizer, schedule, sets
from longtail.engine.batches import Batch, Mixed
from longtail.engine.distributed import ALONE, World
from longtail.models import network
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.stage1.weighting import Weighting

Pool = tuple[Data, NDArray[np.int64], NDArray[np.int64]]


class Stage1Learner:
    """End-to-end training with the head, loss, mixing, sampler, weights and recipe of a method's `stage1` block."""

    def __init__(
        self,
        data: Data,
        subset: Subset,
        settings: dict[str, Any],
        workers: int = 0,
        world: World = ALONE,
    ) -> None:
        self.settings = settings
        self.world = world
        self.compute = device.prepare(settings["compute"], world.rank)
        self.micro_batches: int = settings["compute"]["micro_batches"]
        preprocessing, where = settings["preprocessing"], self.compute.device
        pool, indices, self.labels = self.pool(data, subset)
        if world.size == 1:  # several processes share their batch norm
            recipe, side = settings["recipe"], sets.side(data, preprocessing)
            schedule.check_batches(recipe, settings["backbone"], self.kept, side, self.micro_batches, "Stage 1")
        self.train = sets.training(pool, indices, preprocessing, where, augment=True, workers=workers, world=world)
        self.test = sets.testing(data, preprocessing, where, workers)
        self.test_labels = torch.from_numpy(data.test_labels).to(where)
        self.validation = sets.validation(data, where)
        self.normalise = sets.normaliser(data, preprocessing, where)
        built = network.build(
            settings["backbone"],
            sets.inputs(data, preprocessing),
            len(data.classes),
            settings["seeds"]["initialisation"],
            settings.get("pretrained"),
            settings["head"],
        )
        self.module: torch.nn.Module = built.to(where).to(memory_format=torch.channels_last)
        if world.size > 1:
            self.module = distributed.share_batch_norm(self.module)
        self.criterion = (
            parts.find("losses", settings["loss"]["name"]).build(settings["loss"], subset.counts).to(where)
        )
        self.label_share = batches.label_share(settings, subset.counts)
        self.weighting = Weighting(settings, subset.counts, where)
        self.drops: bool = parts.literal("models", settings["backbone"], "DRAWS", False)
        self.optimizer = optimizer.build(_groups(self.module, built.classifier), settings["recipe"])
        self.infer: objective.Inference = graphs.Captured(self._infer) if self.compute.capture else self._infer

    def pool(self, data: Data, subset: Subset) -> Pool:
        """What is drawn from: data, the indices [N] of the training images that take part, and their labels [N].

        `kept` is how many images an epoch is made for.
        """
        self.kept = len(subset.indices)
        return data, subset.indices, data.train_labels[subset.indices]

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Augmented batches, with partners where they are to be mixed."""
        self.begin(epoch)
        drawn = batches.epoch(self.train, self.labels, self.settings, epoch, stage=1, first=first)
        return batches.seeded(drawn, self.settings, epoch, 1, first) if self.drops else drawn

    def begin(self, epoch: int) -> None:
        """Make ready for the steps of an epoch counted from 1."""
        self.module.train()
        self.weighting.begin(schedule.is_deferred(self.settings["recipe"], epoch))

    def prepare(self, batch: Batch) -> Mixed:
        """Normalised, mixed images, and what each label weighs."""
        return self.weighting(batches.mix(self.normalise(batch.inputs), batch, self.label_share))

    def loss(self, batch: Mixed) -> Tensor:
        """Forward in the chosen precision; the loss itself in float32."""
        with self.compute.autocast():
            logits = self.module(batch.inputs)
        return objective.batch_loss(self.criterion, logits, batch)

    def test_top1(self) -> float:
        """Accuracy on the whole test set."""
        self.module.eval()
        return objective.shared_top1(self.infer, self.test, self.test_labels, self.world)

    def validation_loss(self) -> float:
        """Mean cross-entropy on the validation split, the network left in training mode.

        Raises InputError where the data have none.
        """
        if self.validation is None:
            raise InputError(
                "the recipe stops early and the data have no validation split: use one without early_stopping"
            )
        self.module.eval()
        loss = objective.mean_cross_entropy(self.infer, *self.validation)
        self.module.train()
        return loss

    def _infer(self, pixels: Tensor) -> Tensor:
        with self.compute.autocast():
            return self.module(self.normalise(pixels))  # type: ignore[no-any-return]


def _groups(module: torch.nn.Module, classifier: torch.nn.Module) -> list[dict[str, Any]]:
    """Optimiser groups of all that learns; weight decay falls on what the classifier does not except."""
    spared = {f"classifier.{name}" for name in getattr(classifier, "undecayed", ())}
    learning = {name: value for name, value in module.named_parameters() if value.requires_grad}
    decayed = [value for name, value in learning.items() if name not in spared]
    others = [value for name, value in learning.items() if name in spared]
    groups: list[dict[str, Any]] = [{"params": decayed, "rate_factor": 1.0}]
    return groups + ([{"params": others, "rate_factor": 1.0, "weight_decay": 0.0}] if others else [])
