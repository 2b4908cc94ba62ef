"""Images in memory: kept on the device; cropped, flipped and augmented in batches of uint8."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from longtail.data.forms.images import Arrays
from longtail.engine import seeding
from longtail.engine.distributed import World
from longtail.engine.forms import Policy, unchanged
from longtail.engine.forms._normaliser import Normaliser
from longtail.engine.seeding import Epoch
from longtail.settings.preprocessing import Preprocessing

CHUNK = 2048
# The sets that trainings use at the moment, by their data.
_SETS: weakref.WeakKeyDictionary[Arrays, weakref.WeakValueDictionary[Any, "ImageSet"]] = weakref.WeakKeyDictionary()


class Form:
    """Images in memory, normalised by the channels' means and standard deviations."""

    def __init__(
        self, data: Arrays, preprocessing: Preprocessing, device: torch.device, workers: int, world: World
    ) -> None:
        self.data = data
        self.preprocessing = preprocessing
        self.device = device
        self.normalise = Normaliser(preprocessing, device)
        self.inputs = len(preprocessing.mean)
        self.side = int(data.train_images.shape[1])

    def training(self, indices: NDArray[np.int64], *, augment: bool) -> "ImageSet":
        """The training images at `indices`."""
        return self._shared(indices.tobytes(), lambda: self.data.train_images[indices], augment)

    def testing(self) -> "ImageSet":
        """All test images, not augmented."""
        return self._shared(b"test", lambda: self.data.test_images, augment=False)

    def validation(self) -> None:
        """No source of images has a validation split."""

    def _shared(self, which: bytes, images: Callable[[], NDArray[np.uint8]], augment: bool) -> "ImageSet":
        """A set that is on the device once, also for several trainings of this process on the same data."""
        sets = _SETS.setdefault(self.data, weakref.WeakValueDictionary())
        key = (which, augment, self.preprocessing.crop_padding, self.preprocessing.flip, str(self.device))
        found = sets.get(key)
        if found is None:
            found = sets[key] = ImageSet(images(), self.preprocessing, self.device, augment)
        return found


class ImageSet:
    """uint8 images [N, H, W, C] kept on the device, zero-padded once for cropping."""

    def __init__(
        self, images: NDArray[np.uint8], preprocessing: Preprocessing, device: torch.device, augment: bool
    ) -> None:
        self.device = device
        self.size, self.width = images.shape[1], images.shape[2]
        self.padding = preprocessing.crop_padding if augment else 0
        self.flip = augment and preprocessing.flip
        padded = F.pad(torch.from_numpy(images), (0, 0, *[self.padding] * 4))
        self.padded_height, self.padded_width = padded.shape[1], padded.shape[2]
        self.pixels = padded.reshape(-1, padded.shape[3]).to(device)

    def __len__(self) -> int:
        return len(self.pixels) // (self.padded_height * self.padded_width)

    def batches(
        self,
        order: NDArray[np.int64],
        batch_size: int,
        epoch: Epoch,
        policy: Policy = unchanged,
    ) -> Iterator[Tensor]:
        """uint8 batches [B, H, W, C] of the images in the given `order`, from the epoch's first batch on.

        The epoch determines crops and flips; `policy` is a further augmentation.
        """
        first = epoch.first_batch * batch_size
        augmentation = self.draw_augmentation(len(order), epoch.generator(seeding.AUGMENTATION))
        # Whole chunks of batches reduce the number of kernel launches. Chunks always start at the same positions, so
        # that a batch has the same bytes in an epoch that is resumed in its middle.
        step = max(1, CHUNK // batch_size) * batch_size
        for start in range(first // step * step, len(order), step):
            positions = slice(start, min(start + step, len(order)))
            pixels = policy(self.take(order[positions], augmentation[positions]), positions)
            for offset in range(0, len(pixels), batch_size):
                if start + offset >= first:
                    yield pixels[offset : offset + batch_size]

    def draw_augmentation(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Crop offsets (down, right) and flip flags of `count` images: [count, 3]."""
        offsets = rng.integers(0, 2 * self.padding + 1, size=(count, 2))
        flips = rng.integers(0, 2, size=(count, 1)) * int(self.flip)
        return np.concatenate([offsets, flips], axis=1)

    def take(self, indices: NDArray[np.int64], augmentation: NDArray[np.int64]) -> Tensor:
        """uint8 images [B, H, W, C]: crop, then flip, in one gather."""
        settings = torch.from_numpy(np.column_stack([indices, augmentation])).to(self.device, non_blocking=True)
        index, down, right, flip = settings.unbind(1)
        rows = torch.arange(self.size, device=self.device)
        columns = torch.arange(self.width, device=self.device)
        y = down[:, None] + rows  # [B, H]
        x = right[:, None] + torch.where(flip[:, None] > 0, self.width - 1 - columns, columns)  # [B, W]
        base = index[:, None] * self.padded_height + y  # [B, H]
        positions = base[:, :, None] * self.padded_width + x[:, None, :]  # [B, H, W]
        return self.pixels[positions]  # [B, H, W, C]
