"""Foregrounds by class activation maps, moved and pasted, by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from longtail.stage1.algorithms import _pasting
from longtail.stage1.algorithms._pasting import MIRROR, ROTATE, TRANSLATE, Motions

GRID = torch.arange(1.0, 17).view(1, 1, 4, 4)  # 1 2 3 4 / 5 6 7 8 / …


def motion(kind: int, angle: float = 0, scale: float = 1, shift: Any = (0, 0)) -> Motions:
    return Motions(np.array([kind]), np.array([float(angle)]), np.array([scale]), np.array([shift], float))


def map_with(size: int, *pixels: tuple[int, int]) -> Tensor:
    """A map that is 1 at some pixels and 0 elsewhere."""
    found = torch.zeros(1, size, size)
    for row, column in pixels:
        found[0, row, column] = 1
    return found


def test_the_fixture_of_the_card() -> None:
    maps = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 2.0], [1.0, 3.0]]])
    activation = torch.einsum("dhw,d->hw", maps, torch.tensor([1.0, 0.5]))[None]

    levels = _pasting.spread(activation)
    found = _pasting.enlarged(levels.double(), 4, 4)

    assert levels.tolist() == [[[127, 127], [0, 255]]]
    assert found.tolist() == [
        [
            [127, 127, 127, 127],
            [95.25, 111.1875, 143.0625, 159],
            [31.75, 79.5625, 175.1875, 223],
            [0, 63.75, 191.25, 255],
        ]
    ]
    assert 0.75 * found.mean().item() == 95.4375
    assert _pasting.foreground(found)[0].sum(1).tolist() == [4, 3, 2, 2]


def test_a_flat_map_is_foreground_everywhere() -> None:
    levels = _pasting.spread(torch.full((1, 2, 2), -3.0))

    assert levels.tolist() == [[[0, 0], [0, 0]]]
    assert _pasting.foreground(levels).all()


@pytest.mark.parametrize(
    ("pixels", "whole", "first_lines"),
    [
        ([(1, 0), (2, 2), (3, 2)], [1, 3, 0, 2], [1, 2, 0, 2]),
        ([(0, 1), (0, 2), (0, 3)], [0, 0, 1, 3], [0, -1, 1, 2]),
    ],
)
def test_boxes(pixels: list[tuple[int, int]], whole: list[int], first_lines: list[int]) -> None:
    inside = map_with(4, *pixels) > 0

    assert _pasting.boxes(inside, "whole").tolist() == [whole]
    assert _pasting.boxes(inside, "first_lines").tolist() == [first_lines]


def test_a_translation_goes_as_far_as_the_box_stays_inside() -> None:
    """Rows 1 and columns 1 to 2 of 4: up to 1 up or 2 down, 1 to the left or 1 to the right."""
    box = np.array([[1, 1, 1, 2]])
    shares = np.array([0.0, 0.25, 0.5, 0.75, 0.999])

    shifts = [-_pasting.sources(motion(TRANSLATE, shift=(each, each)), box, 4, 4)[0, :, 2] for each in shares]

    assert [down for _, down in shifts] == [-1, 0, 1, 2, 2]
    assert [along for along, _ in shifts] == [-1, -1, 0, 1, 1]


def test_a_translated_foreground_by_hand() -> None:
    """6 and 7 go two rows down and one to the right; what would come to their old place is outside the image."""
    found = _pasting.pasted(GRID, map_with(4, (1, 1), (1, 2)), motion(TRANSLATE, shift=(0.9, 0.9)), "whole")

    assert found[0, 0].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 6, 7]]


def test_a_mirrored_foreground_by_hand() -> None:
    """5 comes to the right; its old place gets the mirrored image's 8. A 0 there lets the old value stay."""
    images = torch.cat([GRID, GRID.where(GRID != 8, torch.zeros_like(GRID))], 1)

    found = _pasting.pasted(images, map_with(4, (1, 0)), motion(MIRROR), "whole")[0]

    assert found[0].tolist() == [[1, 2, 3, 4], [8, 6, 7, 5], [9, 10, 11, 12], [13, 14, 15, 16]]
    assert found[1].tolist() == [[1, 2, 3, 4], [5, 6, 7, 5], [9, 10, 11, 12], [13, 14, 15, 16]]


def test_a_rotated_foreground_by_hand() -> None:
    """The middle column of 1 2 3 / 4 5 6 / 7 8 9 turns counter-clockwise about 5; the corners stay."""
    images = torch.arange(1.0, 10).view(1, 1, 3, 3)

    found = _pasting.pasted(images, map_with(3, (0, 1), (1, 1), (2, 1)), motion(ROTATE, angle=90), "whole")

    assert found[0, 0].tolist() == [[1, 6, 3], [2, 5, 8], [7, 4, 9]]


def test_a_scaled_image_by_hand() -> None:
    """Twice as large about its centre: means of two or four neighbours."""
    images = torch.tensor([[[[2.0, 4.0, 6.0], [8.0, 10.0, 12.0], [14.0, 16.0, 18.0]]]])

    found = _pasting.pasted(images, torch.zeros(1, 3, 3), motion(ROTATE, scale=2), "whole")

    assert found[0, 0].tolist() == [[6, 7, 8], [9, 10, 11], [12, 13, 14]]


def test_rotation_turns_about_the_centre_of_the_box() -> None:
    """A point of a matrix of OpenCV's getRotationMatrix2D, worked out with α = s·cos θ and β = s·sin θ."""
    angle, scale, x, y = 30, 1.1, 3.0, 1.0
    alpha, beta = scale * np.cos(np.deg2rad(angle)), scale * np.sin(np.deg2rad(angle))
    forward = np.array(
        [[alpha, beta, (1 - alpha) * x - beta * y], [-beta, alpha, beta * x + (1 - alpha) * y], [0, 0, 1]]
    )

    found = _pasting.sources(motion(ROTATE, angle, scale), np.array([[0, 2, 1, 5]]), 8, 8)[0]

    np.testing.assert_allclose(found, np.linalg.inv(forward)[:2], atol=1e-12)


def test_draws_cover_their_ranges_alike() -> None:
    found = _pasting.draw(30_000, np.random.default_rng(0))

    # Five standard deviations of a share of a third.
    assert abs(np.bincount(found.kinds) - 10_000).max() < 5 * (30_000 * 2 / 9) ** 0.5
    assert (found.angles.min(), found.angles.max()) == (-45, 44)
    assert (found.scales.min(), found.scales.max()) == (0.8, 1.19)
