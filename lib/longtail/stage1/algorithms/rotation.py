"""Rotation prediction (Gidaris et al., ICLR 2018): a backbone learns from images without their labels."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.data.arrays import Data
from longtail.data.forms.images import Arrays
from longtail.data.long_tail import Subset
from longtail.engine import seeding
from longtail.engine.batches import Batch, Mixed
from longtail.engine.seeding import Epoch
from longtail.runtime.errors import InputError
from longtail.stage1.learner import Pool, Stage1Learner

# Quarter turns. A network that does not predict classes cannot be a row of a table; other networks start from it.
OUTPUTS = 4
WITHOUT = ["mixing", "weighting", "deferred"]
IN_MEMORY = True


class Learner(Stage1Learner):
    """Each image of a batch is turned by 0, 90, 180 or 270 degrees, and the network predicts the angle.

    The four angles are nearly equally frequent in a batch; images are turned after augmentation and normalisation.
    For testing, test image i is turned i mod 4 times. Source: SSP's official code (methods card "SSP").
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.test_labels = (torch.arange(len(self.test_labels)) % OUTPUTS).to(self.test_labels)

    def pool(self, data: Data, subset: Subset) -> Pool:
        """The subset's images, unchanged, and the test images, turned."""
        if not isinstance(data, Arrays):
            raise InputError("algorithm rotation turns images in memory: set streamed: false, or leave it out")
        height, width = data.test_images.shape[1:3]
        if height != width:
            raise InputError(
                f"algorithm rotation turns square images, and these are {height} x {width}: leave it out"
            )
        turned = dataclasses.replace(data, test_images=_turned_test(data.test_images))
        return super().pool(turned, subset)

    def target_counts(self, data: Data, subset: Subset) -> list[int]:
        """Every angle is equally frequent."""
        return [len(subset.indices)] * OUTPUTS

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """Batches of images with their turns as labels."""
        rng, size = epoch.generator(seeding.ROTATION), self.settings.recipe.batch_size
        for _ in range(epoch.first_batch):
            turns(size, rng)  # all batches before the last have this size
        for batch in super().batches(epoch):
            drawn = torch.from_numpy(turns(len(batch.labels), rng))
            yield dataclasses.replace(batch, labels=drawn.to(batch.labels, non_blocking=True))

    def prepare(self, batch: Batch) -> Mixed:
        """Normalised images, each turned by its label."""
        mixed = super().prepare(batch)
        return dataclasses.replace(mixed, inputs=turned(mixed.inputs, batch.labels))


def turns(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Quarter turns [size] of a batch: the first of 0, 1, 2, 3, 0, …, ⌊size/4⌋ + 1 of each, in a random order."""
    return rng.permutation(np.tile(np.arange(OUTPUTS), size // OUTPUTS + 1))[:size]


def turned(images: Tensor, turns: Tensor) -> Tensor:
    """Images [B, C, H, H], each turned counter-clockwise by its number of quarter turns [B]."""
    every = torch.stack([torch.rot90(images, quarter, (2, 3)) for quarter in range(OUTPUTS)])  # [4, B, C, H, H]
    return every[turns, torch.arange(len(images), device=images.device)]


def _turned_test(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Test images [M, H, H, C], number i turned i mod 4 times."""
    copies = images.copy()
    for quarter in range(1, OUTPUTS):
        copies[quarter::OUTPUTS] = np.rot90(images[quarter::OUTPUTS], quarter, (1, 2))
    return copies
