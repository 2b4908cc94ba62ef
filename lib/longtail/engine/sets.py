"""The images of a split, wherever they are kept: on the device, or in files that are decoded as they are needed."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.data.arrays import Arrays, Files
from longtail.engine.distributed import ALONE, World
from longtail.engine.images import ImageSet, Policy
from longtail.engine.streamed import StreamedSet


class Images(Protocol):
    """What trainings and tests ask of a set of images."""

    device: torch.device

    def __len__(self) -> int: ...

    def batches(
        self, order: NDArray[np.int64], batch_size: int, seed: tuple[int, ...], first: int = 0, policy: Policy = ...
    ) -> Iterator[Tensor]:
        """uint8 batches [B, H, W, C] of the images `order` names, from batch number `first` on."""


def training(
    data: Arrays | Files,
    indices: NDArray[np.int64],
    preprocessing: dict[str, Any],
    device: torch.device,
    *,
    augment: bool,
    workers: int,
    world: World = ALONE,
) -> Images:
    """The training images that `indices` keep; those in files are decoded by `workers` processes."""
    if isinstance(data, Arrays):
        return ImageSet(data.train_images[indices], preprocessing, device, augment)
    return StreamedSet(data.root, data.train_files[indices], preprocessing, device, augment, workers, world)


def testing(data: Arrays | Files, preprocessing: dict[str, Any], device: torch.device, workers: int) -> Images:
    """All test images, not augmented."""
    if isinstance(data, Arrays):
        return ImageSet(data.test_images, preprocessing, device, augment=False)
    return StreamedSet(data.root, data.test_files, preprocessing, device, augment=False, workers=workers)
