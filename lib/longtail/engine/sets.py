"""The examples of a split, wherever they are kept: on the device, or in files that are decoded as they are needed."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.data.arrays import Arrays, Data, Titles
from longtail.engine.distributed import ALONE, World
from longtail.engine.images import ImageSet, Normaliser, Policy
from longtail.engine.streamed import StreamedSet
from longtail.engine.titles import TitleSet, as_they_are
from longtail.models.network import Inputs, TitleInputs


class Images(Protocol):
    """What trainings and tests ask of a set of images, or of titles."""

    device: torch.device

    def __len__(self) -> int: ...

    def batches(
        self, order: NDArray[np.int64], batch_size: int, seed: tuple[int, ...], first: int = 0, policy: Policy = ...
    ) -> Iterator[Tensor]:
        """uint8 batches [B, H, W, C] of the images `order` names, from batch number `first` on; titles [B, L]."""


def training(
    data: Data,
    indices: NDArray[np.int64],
    preprocessing: dict[str, Any],
    device: torch.device,
    *,
    augment: bool,
    workers: int,
    world: World = ALONE,
) -> Images:
    """The training images that `indices` keep; those in files are decoded by `workers` processes."""
    if isinstance(data, Titles):
        return TitleSet(data.train_titles[indices], device)
    if isinstance(data, Arrays):
        return ImageSet(data.train_images[indices], preprocessing, device, augment)
    return StreamedSet(data.root, data.train_files[indices], preprocessing, device, augment, workers, world)


def testing(data: Data, preprocessing: dict[str, Any], device: torch.device, workers: int) -> Images:
    """All test images, not augmented."""
    if isinstance(data, Titles):
        return TitleSet(data.test_titles, device)
    if isinstance(data, Arrays):
        return ImageSet(data.test_images, preprocessing, device, augment=False)
    return StreamedSet(data.root, data.test_files, preprocessing, device, augment=False, workers=workers)


def validation(data: Data, device: torch.device) -> tuple[Images, Tensor] | None:
    """The split that neither trains nor tests, with its labels; None where the data have none."""
    if not isinstance(data, Titles) or not len(data.validation_labels):
        return None
    return TitleSet(data.validation_titles, device), torch.from_numpy(data.validation_labels).to(device)


def normaliser(data: Data, preprocessing: dict[str, Any], device: torch.device) -> Callable[[Tensor], Tensor]:
    """What makes batches of such data into what a network takes."""
    return as_they_are if isinstance(data, Titles) else Normaliser(preprocessing, device)


def side(data: Data, preprocessing: dict[str, Any]) -> int:
    """Side in pixels of the images that are trained on; of titles, their characters."""
    if isinstance(data, Titles):
        return int(data.train_titles.shape[1])
    if isinstance(data, Arrays):
        return int(data.train_images.shape[1])
    return int(preprocessing["random_resized_crop"] or preprocessing["center_crop"])


def inputs(data: Data, preprocessing: dict[str, Any]) -> Inputs:
    """What a backbone has to know of the data it is built for."""
    if isinstance(data, Titles):
        return TitleInputs(torch.from_numpy(data.vectors), data.train_titles.shape[1])
    return len(preprocessing["mean"])
