"""Train a backbone with its classifier on a long-tailed subset."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longtail.data.arrays import Arrays
from longtail.data.long_tail import Subset
from longtail.engine import device, loop, objective, schedule
from longtail.engine.images import Batch, ImageSet, epoch_batches
from longtail.models import network
from longtail.runtime import parts


class Stage1Learner:
    """End-to-end training with the loss, mixing, sampler and recipe of a method's `stage1` block."""

    def __init__(self, arrays: Arrays, subset: Subset, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.device, self.precision = device.prepare(settings["compute"])
        preprocessing = settings["preprocessing"]
        self.labels = arrays.train_labels[subset.indices]
        self.train = ImageSet(arrays.train_images[subset.indices], preprocessing, self.device, augment=True)
        self.test = ImageSet(arrays.test_images, preprocessing, self.device, augment=False)
        self.test_labels = torch.from_numpy(arrays.test_labels).to(self.device)
        channels = arrays.train_images.shape[3]
        seeds = settings["seeds"]
        built = network.build(settings["backbone"], channels, len(arrays.classes), seeds["initialisation"])
        self.module: torch.nn.Module = built.to(self.device).to(memory_format=torch.channels_last)
        self.criterion = parts.find("losses", settings["loss"]["name"]).build(settings["loss"], subset.counts)
        groups = [{"params": list(self.module.parameters()), "rate_factor": 1.0}]
        self.optimizer = schedule.sgd(groups, settings["recipe"])

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Augmented, possibly mixed batches."""
        self.module.train()
        return epoch_batches(self.train, self.labels, self.settings, self.settings["seeds"]["order"], epoch, stage=1)

    def loss(self, batch: Batch) -> Tensor:
        """Forward in the chosen precision; the loss itself in float32."""
        with device.autocast(self.device, self.precision):
            logits = self.module(batch.inputs)
        return objective.batch_loss(self.criterion, logits, batch)

    def test_top1(self) -> float:
        """Accuracy on the whole test set."""
        self.module.eval()
        return objective.top1(objective.predict(self.module, self.test, self.precision), self.test_labels)


def train(arrays: Arrays, subset: Subset, settings: dict[str, Any], resume: Path, key: str) -> loop.Fitted:
    """Run Stage 1 as `settings` (the method's resolved `stage1` block with seeds and compute) says.

    The states returned are those of a `models.network.Network`.
    Raises InputError when the loss is not finite or the device is missing.
    """
    learner = Stage1Learner(arrays, subset, settings)
    return loop.fit(learner, settings["recipe"], resume, key)
