"""The training set resident on the device: crop, flip, normalise and mix happen on whole batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from longtail.engine import schedule, seeding
from longtail.samplers import SAMPLERS


@dataclass(frozen=True)
class Batch:
    """Inputs (images [B, C, H, W] or features [B, D]) with labels [B]; mixed ones with partner and share.

    Where `partner` is set, row i holds `share`·x_i + (1−share)·x_partner[i].
    """

    inputs: Tensor
    labels: Tensor
    partner: Tensor | None = None
    share: float = 1.0


class ImageSet:
    """uint8 images [N, H, W, C] kept on the device, zero-padded once for cropping."""

    def __init__(
        self, images: NDArray[np.uint8], preprocessing: dict[str, Any], device: torch.device, augment: bool
    ) -> None:
        self.device = device
        self.size, self.width = images.shape[1], images.shape[2]
        self.padding = preprocessing["crop_padding"] if augment else 0
        self.flip = augment and preprocessing["flip"]
        padded = F.pad(torch.from_numpy(images), (0, 0, *[self.padding] * 4))
        self.padded_height, self.padded_width = padded.shape[1], padded.shape[2]
        self.pixels = padded.reshape(-1, padded.shape[3]).to(device)
        self.mean = torch.tensor(preprocessing["mean"], device=device) * 255
        self.scale = 1 / (torch.tensor(preprocessing["std"], device=device) * 255)

    def __len__(self) -> int:
        return len(self.pixels) // (self.padded_height * self.padded_width)

    def draw_augmentation(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Crop offsets (down, right) and flip flags of `count` images: [count, 3]."""
        offsets = rng.integers(0, 2 * self.padding + 1, size=(count, 2))
        flips = rng.integers(0, 2, size=(count, 1)) * int(self.flip)
        return np.concatenate([offsets, flips], axis=1)

    def take(self, indices: NDArray[np.int64], augmentation: NDArray[np.int64] | None = None) -> Tensor:
        """Normalised float32 images [B, C, H, W] in channels_last layout: crop, then flip, in one gather."""
        drawn = np.zeros((len(indices), 3), np.int64) if augmentation is None else augmentation
        settings = torch.from_numpy(np.column_stack([indices, drawn])).to(self.device, non_blocking=True)
        index, down, right, flip = settings.unbind(1)
        rows = torch.arange(self.size, device=self.device)
        columns = torch.arange(self.width, device=self.device)
        y = down[:, None] + rows  # [B, H]
        x = right[:, None] + torch.where(flip[:, None] > 0, self.width - 1 - columns, columns)  # [B, W]
        base = index[:, None] * self.padded_height + y  # [B, H]
        positions = base[:, :, None] * self.padded_width + x[:, None, :]  # [B, H, W]
        pixels = self.pixels[positions].float()  # [B, H, W, C]
        return ((pixels - self.mean) * self.scale).permute(0, 3, 1, 2)


def epoch_batches(
    images: ImageSet,
    labels: NDArray[np.int64],
    settings: dict[str, Any],
    seed: int,
    epoch: int,
    stage: int,
) -> Iterator[Batch]:
    """One epoch of augmented batches, mixed when `mixup_alpha` > 0 (one λ ~ Beta(α, α) and one π a batch)."""
    recipe = settings["recipe"]
    draws = schedule.draws(recipe, len(labels))
    order = SAMPLERS[settings["sampler"]](labels, draws, seeding.generator(seed, epoch, seeding.ORDER, stage))
    augmentation = images.draw_augmentation(draws, seeding.generator(seed, epoch, seeding.AUGMENTATION, stage))
    mixing = seeding.generator(seed, epoch, seeding.MIXING, stage)
    for start in range(0, draws, recipe["batch_size"]):
        chosen = order[start : start + recipe["batch_size"]]
        inputs = images.take(chosen, augmentation[start : start + len(chosen)])
        targets = torch.from_numpy(labels[chosen]).to(images.device, non_blocking=True)
        if settings["mixup_alpha"] == 0:
            yield Batch(inputs, targets)
            continue
        share = float(mixing.beta(settings["mixup_alpha"], settings["mixup_alpha"]))
        partner = torch.from_numpy(mixing.permutation(len(chosen))).to(images.device, non_blocking=True)
        yield Batch(share * inputs + (1 - share) * inputs[partner], targets, partner, share)
