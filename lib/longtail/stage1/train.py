"""Train a backbone with its classifier on a long-tailed subset."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from longtail.data.arrays import Arrays, Files
from longtail.data.long_tail import Subset
from longtail.engine import batches, device, distributed, graphs, loop, objective, optimizer, sets
from longtail.engine.batches import Batch, Mixed
from longtail.engine.distributed import ALONE, World
from longtail.engine.images import Normaliser
from longtail.engine.resume import Resume
from longtail.models import network
from longtail.runtime import parts


class Stage1Learner:
    """End-to-end training with the loss, mixing, sampler and recipe of a method's `stage1` block."""

    def __init__(
        self,
        data: Arrays | Files,
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
        self.labels = data.train_labels[subset.indices]
        self.train = sets.training(
            data, subset.indices, preprocessing, where, augment=True, workers=workers, world=world
        )
        self.test = sets.testing(data, preprocessing, where, workers)
        self.test_labels = torch.from_numpy(data.test_labels).to(where)
        self.normalise = Normaliser(preprocessing, where)
        channels = len(preprocessing["mean"])
        seeds = settings["seeds"]
        built = network.build(
            settings["backbone"], channels, len(data.classes), seeds["initialisation"], settings.get("pretrained")
        )
        self.module: torch.nn.Module = built.to(where).to(memory_format=torch.channels_last)
        if world.size > 1:
            self.module = distributed.share_batch_norm(self.module)
        self.criterion = parts.find("losses", settings["loss"]["name"]).build(settings["loss"], subset.counts)
        self.label_share = batches.label_share(settings, subset.counts)
        learning = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        self.optimizer = optimizer.sgd([{"params": learning, "rate_factor": 1.0}], settings["recipe"])
        self.infer: objective.Inference = graphs.Captured(self._infer) if self.compute.capture else self._infer

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Augmented batches, with partners where they are to be mixed."""
        self.module.train()
        return batches.epoch(self.train, self.labels, self.settings, epoch, stage=1, first=first)

    def prepare(self, batch: Batch) -> Mixed:
        """Normalised, mixed images."""
        return batches.mix(self.normalise(batch.inputs), batch, self.label_share)

    def loss(self, batch: Mixed) -> Tensor:
        """Forward in the chosen precision; the loss itself in float32."""
        with self.compute.autocast():
            logits = self.module(batch.inputs)
        return objective.batch_loss(self.criterion, logits, batch)

    def test_top1(self) -> float:
        """Accuracy on the whole test set."""
        self.module.eval()
        return objective.shared_top1(self.infer, self.test, self.test_labels, self.world)

    def _infer(self, pixels: Tensor) -> Tensor:
        with self.compute.autocast():
            return self.module(self.normalise(pixels))  # type: ignore[no-any-return]


def train(
    data: Arrays | Files, subset: Subset, settings: dict[str, Any], resume: Resume, workers: int = 0
) -> loop.Fitted:
    """Run Stage 1 as `settings` (the method's resolved `stage1` block with seeds and compute) says.

    `workers` processes decode images that are kept in files. The states returned are those of a
    `models.network.Network`.
    Raises InputError when the loss is not finite or the device is missing, signals.Stopped when asked to stop.
    """
    size: int = settings["compute"]["processes"]
    given = (data, subset, settings, workers // size)
    on_gpu = device.prepare(settings["compute"]).device.type == "cuda"
    with distributed.world(size, on_gpu, _follow, *given) as world:
        return loop.fit(Stage1Learner(*given, world), settings["recipe"], resume)


def _follow(world: World, data: Arrays | Files, subset: Subset, settings: dict[str, Any], workers: int) -> None:
    loop.follow(Stage1Learner(data, subset, settings, workers, world), settings["recipe"])
