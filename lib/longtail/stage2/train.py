"""Trains a classifier: on cached features if they do not change, else on images through the frozen backbone."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import batches, device, forms, graphs, loop, objective, optimizer, schedule
from longtail.engine.batches import Batch, Mixed
from longtail.engine.distributed import ALONE
from longtail.engine.resume import Resume
from longtail.engine.seeding import Epoch
from longtail.features.extract import Features
from longtail.models import network
from longtail.runtime import npz, parts
from longtail.settings.stage2 import Stage2
from longtail.stage2 import classifier, draws
from longtail.stage2.inputs import features_suffice


class FeatureLearner:
    """A classifier on cached features [N, D], or on features that a generator draws."""

    validation_loss: Callable[[], float] | None = None

    def __init__(self, features: Features, stage1: dict[str, Tensor], counts: list[int], settings: Stage2):
        self.settings = settings
        self.backend = device.prepare(settings.compute)
        self.world = ALONE
        self.micro_batches = 1
        where = self.backend.device
        self.labels = features.train_labels
        cached = torch.from_numpy(features.train_features).to(where)
        self.draw = draws.generator(settings.generator, cached, self.labels, counts)
        self.test_features = torch.from_numpy(features.test_features).to(where)
        self.test_labels = torch.from_numpy(features.test_labels).to(where)
        self.classifier = classifier.build(settings.classifier, stage1, settings.seeds.initialisation, settings.head)
        self.module: torch.nn.Module = self.classifier.to(where)
        self.memory = torch.nn.Module()
        self.criterion = parts.find("losses", settings.loss.name).build(settings.loss.settings, counts).to(where)
        self.label_share = batches.label_share(settings.mixing, counts)
        groups = classifier.parameter_groups(self.classifier, settings.classifier)
        self.optimizer = optimizer.build(groups, settings.recipe)

    def epoch(self, number: int, first_batch: int = 0) -> Epoch:
        """Epoch `number` of Stage 2, counted from 1."""
        return Epoch(number, self.settings.seeds.order, 2, first_batch)

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """Features that the generator makes from the sampler's rows."""
        return draws.of_epoch(self.draw, self.labels, self.settings, epoch, self.backend.device)

    def prepare(self, batch: Batch) -> Mixed:
        """The features, unchanged."""
        return Mixed(batch.inputs, batch.labels)

    def loss(self, batch: Mixed) -> Tensor:
        """Mean loss of the classifier on a batch of features."""
        return objective.batch_loss(self.criterion, self.classifier(batch.inputs), batch)

    @torch.inference_mode()
    def test_logits(self) -> Tensor:
        """Float32 logits [N, K] of the test set."""
        return self.classifier(self.test_features)  # type: ignore[no-any-return]

    def test_top1(self) -> float:
        """Accuracy on the whole test set."""
        return objective.top1(self.test_logits(), self.test_labels)


class ImageLearner(FeatureLearner):
    """A classifier on augmented or mixed images, which pass through the frozen backbone."""

    def __init__(
        self,
        data: Data,
        subset: Subset,
        features: Features,
        stage1: dict[str, Tensor],
        settings: Stage2,
        workers: int = 0,
    ) -> None:
        super().__init__(features, stage1, subset.counts, settings)
        backbone, where = settings.backbone, self.backend.device
        self.form = forms.of(data, settings.preprocessing, where, workers)
        if settings.batch_norm == "shifted":
            schedule.check_batches(settings.recipe, backbone, len(self.labels), self.form.side, 1, "Stage 2")
        frozen = network.build(backbone, self.form.inputs, len(data.classes), seed=0)
        frozen.load_state_dict(stage1)
        self.last_stage = frozen.last_stage
        self.backbone = frozen.backbone.to(where).to(memory_format=torch.channels_last).requires_grad_(False)
        self.images = self.form.training(subset.indices, augment=settings.augment)
        self.normalise = self.form.normalise

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """Augmented images, with partners if they are mixed."""
        self.backbone.eval()
        order, size = draws.order(self.settings, self.labels, epoch), self.settings.recipe.batch_size
        return batches.in_order(self.images, self.labels, order, size, epoch, self.settings.mixing)

    def prepare(self, batch: Batch) -> Mixed:
        """Features of normalised, mixed images."""
        mixed = batches.mix(self.normalise(batch.inputs), batch, self.label_share)
        return dataclasses.replace(mixed, inputs=self._features(mixed.inputs))

    @torch.no_grad()
    def _features(self, images: Tensor) -> Tensor:
        with self.backend.autocast():
            return self.backbone(images).float()  # type: ignore[no-any-return]


class ShiftedLearner(ImageLearner):
    """Shifted batch norm: running mean and variance follow the Stage-2 batches, the affine part is fixed.

    The backbone's statistics change in training, so the module is the whole network, and the test images pass
    through it again (MiSLAS, "Shift Learning on Batch Normalization").
    """

    def __init__(self, *arguments: Any, workers: int = 0) -> None:
        super().__init__(*arguments, workers=workers)  # type: ignore[misc]
        self.module = network.Network(self.backbone, self.classifier, self.last_stage)
        # What Stage 1 kept as it was does not shift either.
        self.module.freeze(self.settings.frozen)
        if self.backend.fused:
            network.fuse(self.module, self.settings.backbone, self.backend.precision)
        self.test = self.form.testing()
        self.infer: objective.Inference = graphs.Captured(self._infer) if self.backend.capture else self._infer

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """The same batches, with batch norm in training mode."""
        drawn = super().batches(epoch)
        self.module.train()
        return drawn

    def test_logits(self) -> Tensor:
        """Float32 logits [N, K] of the test set with the new statistics."""
        self.backbone.eval()
        return objective.predict(self.infer, self.test)

    def _infer(self, pixels: Tensor) -> Tensor:
        return self.module(self.normalise(pixels))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Trained:
    """A finished Stage 2 with the test logits [N, K] of its last and its best epoch."""

    fitted: loop.Fitted
    last: NDArray[np.float32]
    best: NDArray[np.float32]


def train(
    data: Data,
    subset: Subset,
    features: Features,
    stage1: dict[str, Tensor],
    settings: Stage2,
    resume: Resume,
    workers: int = 0,
) -> Trained:
    """Run Stage 2 as `settings` say.

    `stage1` is the state of the Stage-1 network's last epoch, `features` its features of the images; `workers`
    processes decode images that are kept in files.
    Raises InputError if the loss is not finite or the device is missing, signals.Stopped if asked to stop.
    """
    learner: FeatureLearner
    if features_suffice(settings):
        learner = FeatureLearner(features, stage1, subset.counts, settings)
    else:
        kind = ShiftedLearner if settings.batch_norm == "shifted" else ImageLearner
        learner = kind(data, subset, features, stage1, settings, workers=workers)
    fitted = loop.fit(learner, settings.recipe, resume)

    def logits(state: dict[str, Tensor]) -> NDArray[np.float32]:
        learner.module.load_state_dict(state)
        test_logits: NDArray[np.float32] = learner.test_logits().cpu().numpy()
        return test_logits

    return Trained(fitted, logits(fitted.last_state), logits(fitted.best_state))


def save_logits(path: Path | str, trained: Trained, labels: NDArray[np.int64]) -> None:
    """Write the test logits of both protocols with the labels into one .npz."""
    npz.save(path, {"last": trained.last, "best": trained.best, "labels": labels})
