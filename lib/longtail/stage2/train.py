"""Train a classifier on cached features where that is exact, on images through the frozen backbone elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.data.arrays import Arrays
from longtail.data.long_tail import Subset
from longtail.engine import device, loop, objective, schedule, seeding
from longtail.engine.images import Batch, ImageSet, epoch_batches
from longtail.features.extract import Features
from longtail.models import network
from longtail.runtime import npz, parts
from longtail.samplers import SAMPLERS
from longtail.stage2 import classifier


def features_suffice(settings: dict[str, Any]) -> bool:
    """Whether cached features give the very inputs of training: nothing changes an image or the backbone."""
    preprocessing = settings["preprocessing"]
    augments = settings["augment"] and (preprocessing["crop_padding"] > 0 or preprocessing["flip"])
    return not augments and settings["mixup_alpha"] == 0 and settings["batch_norm"] == "frozen"


class FeatureLearner:
    """A classifier on cached features [N, D]."""

    def __init__(self, features: Features, stage1: dict[str, Tensor], counts: list[int], settings: dict[str, Any]):
        self.settings = settings
        self.device, self.precision = device.prepare(settings["compute"])
        self.labels = features.train_labels
        self.train_features = torch.from_numpy(features.train_features).to(self.device)
        self.test_features = torch.from_numpy(features.test_features).to(self.device)
        self.test_labels = torch.from_numpy(features.test_labels).to(self.device)
        self.classifier = classifier.build(settings["classifier"], stage1, settings["seeds"]["initialisation"])
        self.module: torch.nn.Module = self.classifier.to(self.device)
        self.criterion = parts.find("losses", settings["loss"]["name"]).build(settings["loss"], counts)
        groups = classifier.parameter_groups(self.classifier, settings["classifier"])
        self.optimizer = schedule.sgd(groups, settings["recipe"])

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Rows of the cached features in the sampler's order."""
        recipe = self.settings["recipe"]
        rng = seeding.generator(self.settings["seeds"]["order"], epoch, seeding.ORDER, stage=2)
        draws = schedule.draws(recipe, len(self.labels))
        order = SAMPLERS[self.settings["sampler"]](self.labels, draws, rng)
        for start in range(0, draws, recipe["batch_size"]):
            chosen = order[start : start + recipe["batch_size"]]
            labels = torch.from_numpy(self.labels[chosen]).to(self.device)
            yield Batch(self.train_features[torch.from_numpy(chosen).to(self.device)], labels)

    def loss(self, batch: Batch) -> Tensor:
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
    """A classifier on augmented or mixed images, seen through the frozen backbone."""

    def __init__(
        self,
        arrays: Arrays,
        subset: Subset,
        backbone: str,
        features: Features,
        stage1: dict[str, Tensor],
        settings: dict[str, Any],
    ) -> None:
        super().__init__(features, stage1, subset.counts, settings)
        channels, classes = arrays.train_images.shape[3], len(arrays.classes)
        frozen = network.build(backbone, channels, classes, seed=0)
        frozen.load_state_dict(stage1)
        self.backbone = frozen.backbone.to(self.device).to(memory_format=torch.channels_last).requires_grad_(False)
        images = arrays.train_images[subset.indices]
        self.images = ImageSet(images, settings["preprocessing"], self.device, augment=settings["augment"])

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Features of augmented, possibly mixed batches."""
        self.backbone.eval()
        seed = self.settings["seeds"]["order"]
        for batch in epoch_batches(self.images, self.labels, self.settings, seed, epoch, stage=2):
            yield Batch(self._features(batch.inputs), batch.labels, batch.partner, batch.share)

    @torch.no_grad()
    def _features(self, images: Tensor) -> Tensor:
        with device.autocast(self.device, self.precision):
            return self.backbone(images).float()  # type: ignore[no-any-return]


class ShiftedLearner(ImageLearner):
    """Shifted batch norm: running mean and variance follow the Stage-2 batches, the affine part is fixed.

    The backbone's statistics belong to what is learnt, so the module is the whole network and the test images
    pass through it anew (MiSLAS, "Shift Learning on Batch Normalization").
    """

    def __init__(self, arrays: Arrays, *rest: Any) -> None:
        super().__init__(arrays, *rest)
        self.module = network.Network(self.backbone, self.classifier)
        self.test = ImageSet(arrays.test_images, self.settings["preprocessing"], self.device, augment=False)

    def _features(self, images: Tensor) -> Tensor:
        self.backbone.train()
        return super()._features(images)

    def test_logits(self) -> Tensor:
        """Float32 logits [N, K] of the test set under the new statistics."""
        self.backbone.eval()
        return objective.predict(self.module, self.test, torch.float32)


@dataclass(frozen=True)
class Trained:
    """A finished Stage 2 with the test logits [N, K] of its last and its best epoch."""

    fitted: loop.Fitted
    last: NDArray[np.float32]
    best: NDArray[np.float32]


def train(
    arrays: Arrays,
    subset: Subset,
    backbone: str,
    features: Features,
    stage1: dict[str, Tensor],
    settings: dict[str, Any],
    resume: Path,
    key: str,
) -> Trained:
    """Run Stage 2 as `settings` (the method's resolved `stage2` block with seeds and compute) says.

    `stage1` is the state of the Stage-1 network's last epoch, `features` what it makes of the images.
    Raises InputError when the loss is not finite or the device is missing.
    """
    learner: FeatureLearner
    if features_suffice(settings):
        learner = FeatureLearner(features, stage1, subset.counts, settings)
    else:
        kind = ShiftedLearner if settings["batch_norm"] == "shifted" else ImageLearner
        learner = kind(arrays, subset, backbone, features, stage1, settings)
    fitted = loop.fit(learner, settings["recipe"], resume, key)

    def logits(state: dict[str, Tensor]) -> NDArray[np.float32]:
        learner.module.load_state_dict(state)
        found: NDArray[np.float32] = learner.test_logits().cpu().numpy()
        return found

    return Trained(fitted, logits(fitted.last_state), logits(fitted.best_state))


def save_logits(path: Path | str, trained: Trained, labels: NDArray[np.int64]) -> None:
    """Write the test logits of both protocols with the labels into one .npz."""
    npz.save(path, {"last": trained.last, "best": trained.best, "labels": labels})
