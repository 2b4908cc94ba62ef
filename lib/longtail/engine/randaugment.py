"""RandAugment (Cubuk et al. 2020) on whole batches of uint8; the result equals torchvision's on single images.

In each step, images with the same operation are processed as one batch. The host groups them by what was drawn, so
nothing is read back from the device, and the result of an image does not depend on the others.
"""

import functools
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

# In torchvision's order, which defines their numbers.
OPERATIONS = (
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
)
# The strongest of 31 bins, of operations in two directions: slope, part of the side, degrees, ratio of a blend − 1.
STRONGEST = {
    "ShearX": 0.3,
    "ShearY": 0.3,
    "TranslateX": 150 / 331,
    "TranslateY": 150 / 331,
    "Rotate": 30.0,
    "Brightness": 0.9,
    "Color": 0.9,
    "Contrast": 0.9,
    "Sharpness": 0.9,
}
SIGNED = np.array([name in STRONGEST for name in OPERATIONS])


def draw(count: int, operations: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """[count, operations, 2]: the number of an operation, all equally likely, and 1 if its strength is negative.

    The sign is drawn for every entry; operations without a direction ignore it.
    """
    shape = (count, operations)
    return np.stack([rng.integers(0, len(OPERATIONS), shape), rng.integers(0, 2, shape)], axis=2)


def apply(images: Tensor, drawn: NDArray[np.int64], magnitude: int) -> Tensor:
    """uint8 images [N, H, W, C], C = 1 or 3, after the K operations `drawn` [N, K, 2] for each: a new tensor.

    `magnitude` is 0 to 30; areas that an image is moved away from become black. On any device the result equals
    torchvision's on the CPU for images of up to 65,793 pixels: above that, float32 rounds the sum for the mean of
    Contrast.
    """
    groups = (2 * drawn[:, :, 0] + drawn[:, :, 1] * SIGNED[drawn[:, :, 0]]).T  # [K, N]
    sort = np.argsort(groups, axis=1, kind="stable")
    moves = torch.from_numpy(np.stack([sort, np.argsort(sort, axis=1)], axis=1)).to(images.device, non_blocking=True)
    for numbers, (there, back) in zip(groups, moves, strict=True):
        distinct, counts = np.unique(numbers, return_counts=True)
        parts = torch.split(images.index_select(0, there), counts.tolist())
        changed = [
            _operate(part, OPERATIONS[number // 2], 1 - 2 * (number % 2), magnitude)
            for part, number in zip(parts, distinct.tolist(), strict=True)
        ]
        images = torch.cat(changed).index_select(0, back)
    return images


def _operate(images: Tensor, name: str, sign: int, magnitude: int) -> Tensor:
    height, width, channels = images.shape[1:]
    match name:
        case "ShearX" | "ShearY" | "TranslateX" | "TranslateY" | "Rotate":
            return _move(images, _sources(name, sign, magnitude, height, width, images.device))
        case "Brightness":
            return _blend(images, 0.0, 1 + _strength(name, sign, magnitude))
        case "Color" if channels == 3:
            return _blend(images, _grey(images), 1 + _strength(name, sign, magnitude))
        case "Contrast":
            return _blend(images, _mean(_grey(images)), 1 + _strength(name, sign, magnitude))
        case "Sharpness" if min(height, width) > 2:
            return _blend(images, _smooth(images), 1 + _strength(name, sign, magnitude))
        case "Posterize":
            return images & (256 - (1 << round(magnitude / 7.5)))
        case "Solarize":
            return images ^ (images >= 255 - 8.5 * magnitude).to(torch.uint8) * 255  # v ^ 255 is 255 − v
        case "AutoContrast":
            return _autocontrast(images)
        case "Equalize":
            return _equalize(images)
    return images


def _strength(name: str, sign: int, magnitude: int, side: int = 1) -> float:
    # torchvision's float32 bins: the last bit decides whether a product is an integer or just below it.
    strength: float = torch.linspace(0.0, STRONGEST[name] * side, 31)[magnitude].item()
    return sign * strength


def _move(images: Tensor, sources: Tensor) -> Tensor:
    """Every pixel replaced by its source; source 0 is black."""
    count, height, width, channels = images.shape
    pixels = F.pad(images.reshape(count, height * width, channels), (0, 0, 1, 0))
    return pixels.index_select(1, sources).reshape(images.shape)


@functools.cache
def _sources(name: str, sign: int, magnitude: int, height: int, width: int, device: torch.device) -> Tensor:
    """The number, from 1, of the pixel that moves to each pixel of an image, 0 for a source outside of it: [H·W]."""
    # Imported here because it takes seconds. torchvision moves an image of pixel numbers (nearest neighbours, on the
    # CPU), so that its rounding decides between equally near pixels.
    from torchvision.transforms import functional

    numbers = torch.arange(1.0, height * width + 1).reshape(1, height, width)
    axis = int(name.endswith("Y"))
    match name:
        case "Rotate":
            moved = functional.rotate(numbers, _strength(name, sign, magnitude))
        case "ShearX" | "ShearY":
            shear = [0.0, 0.0]
            shear[axis] = math.degrees(math.atan(_strength(name, sign, magnitude)))
            moved = functional.affine(numbers, 0.0, [0, 0], 1.0, shear, center=[0, 0])
        case _:
            shift = [0, 0]
            shift[axis] = int(_strength(name, sign, magnitude, (width, height)[axis]))
            moved = functional.affine(numbers, 0.0, shift, 1.0, [0.0, 0.0])
    sources: Tensor = moved.flatten().long().to(device)
    return sources


def _blend(images: Tensor, other: Tensor | float, ratio: float) -> Tensor:
    """ratio·images + (1 − ratio)·other, clipped to 0..255 and rounded down."""
    return (ratio * images).add_((1 - ratio) * other).clamp_(0, 255).to(torch.uint8)


def _grey(images: Tensor) -> Tensor:
    """Luma of colour images, rounded down: uint8 [N, H, W, 1]."""
    if images.shape[3] == 1:
        return images
    red, green, blue = torch.split(images, 1, dim=3)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).to(torch.uint8)


def _mean(grey: Tensor) -> Tensor:
    """Mean level of each image: float32 [N, 1, 1, 1]."""
    total = grey.sum(dim=(1, 2, 3), keepdim=True).float()
    # Divide by a tensor: a GPU divides by a number as a product with its inverse, which rounds differently.
    return total / torch.full_like(total, grey[0].numel())


def _smooth(images: Tensor) -> Tensor:
    """Means of 3×3 pixels with weight 5 in the middle and 1 around it; the border does not change."""
    channels = images.shape[3]
    rows = images.flatten(2)  # [N, H, W·C], neighbours C apart
    wide = rows.short()
    sums = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    sums = sums[:, :, : -2 * channels] + sums[:, :, channels:-channels] + sums[:, :, 2 * channels :]
    middle = (slice(None), slice(1, -1), slice(channels, -channels))
    # An integer is never halfway between two multiples of 13, so rounding is the same in any precision.
    smooth = rows.clone()
    smooth[middle] = ((sums + 4 * wide[middle]) / 13).round().to(torch.uint8)
    return smooth.reshape(images.shape)


def _autocontrast(images: Tensor) -> Tensor:
    """Each channel's levels stretched to 0..255; a channel with a single level does not change."""
    darkest, brightest = images.amin((1, 2), keepdim=True).float(), images.amax((1, 2), keepdim=True).float()
    constant = darkest == brightest
    scale = (255 / (brightest - darkest)).masked_fill(constant, 1)
    return (images - darkest.masked_fill(constant, 0)).mul_(scale).clamp_(0, 255).to(torch.uint8)


def _equalize(images: Tensor) -> Tensor:
    """Each channel's levels spread by rank over 0..255; unchanged with fewer than 255 pixels below the top level."""
    count, height, width, channels = images.shape
    levels = images.permute(0, 3, 1, 2).reshape(count * channels, height * width).long()
    histogram = levels.new_zeros(len(levels), 256).scatter_add_(1, levels, torch.ones_like(levels))
    below = histogram.cumsum(1) - histogram
    step = below.gather(1, levels.amax(1, keepdim=True)) // 255
    ranks = ((below + step // 2) // step.clamp(min=1)).clamp(max=255)
    table = torch.where(step > 0, ranks, torch.arange(256, device=images.device)).to(torch.uint8)
    return table.gather(1, levels).reshape(count, channels, height, width).permute(0, 2, 3, 1)
