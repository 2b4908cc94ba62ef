"""The foreground of an image by its class activation map, moved and pasted into the image.

Source: Zhang et al., AAAI 2021, and BagofTricks-LT's `lib/utils/cam_based_sampling.py`, without OpenCV (methods card
"Bag of tricks").
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

# A pixel is foreground from this part of the mean of its image's map on.
SHARE = 0.75
ROTATE, TRANSLATE, MIRROR = range(3)
WHOLE = "whole"


class Motions(NamedTuple):
    """One motion each for M images: its kind, and all that any kind could need.

    `angles` [M] in degrees, counter-clockwise, and `scales` [M] are of a rotation about the centre of the box of the
    foreground; `shifts` [M, 2], from 0 to below 1, tell where in its range a translation down and to the right is.
    """

    kinds: NDArray[np.int64]
    angles: NDArray[np.float64]
    scales: NDArray[np.float64]
    shifts: NDArray[np.float64]

    def rows(self, rows: slice) -> "Motions":
        """The motions of some images."""
        return Motions(self.kinds[rows], self.angles[rows], self.scales[rows], self.shifts[rows])


def draw(count: int, rng: np.random.Generator) -> Motions:
    """Every kind as often as another; whole angles from −45 to 44, scales 0.80, 0.81, … 1.19."""
    kinds = rng.integers(0, 3, count)
    angles, scales = rng.integers(-45, 45, count).astype(np.float64), rng.integers(80, 120, count) / 100
    return Motions(kinds, angles, scales, rng.random((count, 2)))


def spread(maps: Tensor) -> Tensor:
    """Activation maps [B, h, w] scaled to whole numbers from 0 to 255; a flat map to 0."""
    above = maps - maps.amin((1, 2), keepdim=True)
    highest = above.amax((1, 2), keepdim=True)
    return torch.floor(255 * above / highest.where(highest > 0, torch.ones_like(highest)))


def enlarged(levels: Tensor, height: int, width: int) -> Tensor:
    """Maps [B, h, w] at the size of the images [B, H, W], interpolated linearly between the centres of pixels."""
    return F.interpolate(levels[:, None], (height, width), mode="bilinear", align_corners=False)[:, 0]


def foreground(levels: Tensor) -> Tensor:
    """Where a map [B, H, W] is at least three quarters of its mean."""
    return levels >= SHARE * levels.mean((1, 2), keepdim=True)


def boxes(inside: Tensor, box: str) -> NDArray[np.int64]:
    """Top, bottom, left and right [B, 4] of foregrounds [B, H, W].

    `whole`: their first and last rows and columns that are not empty; `first_lines`: the first two, or −1 if there is
    one only, as in the official code.
    """
    ends = []
    for filled in (inside.any(2).numpy(), inside.any(1).numpy()):
        first = filled.argmax(1)
        if box == WHOLE:
            last = filled.shape[1] - 1 - filled[:, ::-1].argmax(1)
        else:
            rest = filled.copy()
            rest[np.arange(len(rest)), first] = False
            last = np.where(rest.any(1), rest.argmax(1), -1)
        ends += [first, last]
    return np.stack(ends, 1).astype(np.int64)


def sources(motions: Motions, around: NDArray[np.int64], height: int, width: int) -> NDArray[np.float64]:
    """The place (x, y) that each pixel of a moved image comes from, as matrices [B, 2, 3] of (x, y, 1).

    `around` are the boxes [B, 4] of the foregrounds. A translation keeps the box within the image.
    """
    top, bottom, left, right = around.T
    found = np.tile(np.eye(2, 3), (len(around), 1, 1))
    turned = motions.kinds == ROTATE
    angle, scale = np.deg2rad(motions.angles), motions.scales
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    linear = np.stack([cosine, -sine, sine, cosine], 1).reshape(-1, 2, 2)
    centre = np.stack([left + right, top + bottom], 1) / 2
    found[turned, :, :2] = linear[turned]
    found[turned, :, 2] = (centre - np.einsum("bij,bj->bi", linear, centre))[turned]
    moved = motions.kinds == TRANSLATE
    down = np.floor(-top + motions.shifts[:, 0] * (height - bottom + top))
    along = np.floor(-left + motions.shifts[:, 1] * (width - right + left))
    found[moved, :, 2] = -np.stack([along, down], 1)[moved]
    mirrored = motions.kinds == MIRROR
    found[mirrored, 0] = [-1, 0, width - 1]
    return found


def warped(images: Tensor, sources: NDArray[np.float64]) -> Tensor:
    """Images [B, C, H, W] with every pixel interpolated linearly at its source; 0 outside the image."""
    height, width = images.shape[2:]
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    places = np.einsum("bij,jhw->bhwi", sources, np.stack([x, y, np.ones_like(x)]).astype(np.float64))
    # As grid_sample counts: from −1 at one edge of the image to 1 at the other.
    grid = torch.from_numpy((2 * places + 1) / [width, height] - 1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def pasted(images: Tensor, maps: Tensor, motions: Motions, box: str) -> Tensor:
    """Images [B, C, H, W] of values 0 to 255 whose foregrounds, by activation maps [B, h, w], have moved; in float64.

    Within the old and the moved foreground each value that is not 0 in the moved image is taken from there; all
    others stay.
    """
    images = images.double()
    channels, height, width = images.shape[1:]
    levels = enlarged(spread(maps.double()), height, width)
    inside = foreground(levels)
    matrices = sources(motions, boxes(inside, box), height, width)
    moved = torch.round(warped(torch.cat([images, (levels * inside)[:, None]], 1), matrices))
    pixels, arrived = moved[:, :channels], moved[:, channels] > 0
    return torch.where((inside | arrived)[:, None] & (pixels > 0), pixels, images)
