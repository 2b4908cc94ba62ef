import itertools
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.small_settings import PREPROCESSING, changed

from longtail.data.forms.images import Arrays
from longtail.engine import seeding
from longtail.engine.distributed import ALONE
from longtail.engine.forms import images as resident
from longtail.engine.forms._normaliser import Normaliser
from longtail.engine.forms.images import ImageSet
from longtail.engine.seeding import Epoch

MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]
CPU = torch.device("cpu")
EPOCH = Epoch(1, 3)


def random_images(count=5, height=6, width=8, channels=3):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def image_set(images, padding=2, flip=True, augment=True):
    return ImageSet(images, changed(PREPROCESSING, crop_padding=padding, flip=flip), CPU, augment)


def by_definition(image, down, right, flip, padding):
    """Pad one image with zeros, slice, mirror: uint8 [H, W, C]."""
    height, width, _ = image.shape
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    crop = padded[down : down + height, right : right + width]
    return crop[:, ::-1] if flip else crop


@pytest.mark.parametrize("shape", [(5, 6, 8, 3), (3, 4, 4, 1)])
def test_every_crop_and_flip_equals_the_definition(shape: tuple[Any, ...]) -> None:
    images = random_images(*shape)
    padding = 2
    settings = np.array(list(itertools.product(range(2 * padding + 1), range(2 * padding + 1), (0, 1))))
    indices = np.arange(len(settings)) % len(images)
    found = image_set(images, padding).take(indices, settings)
    expected = np.stack([by_definition(images[i], *row, padding) for i, row in zip(indices, settings, strict=True)])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_grey_level_is_normalised_as_defined(channels: int) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1).repeat(channels, 3)
    preprocessing = changed(PREPROCESSING, mean=MEAN[:channels], std=STD[:channels])
    found = Normaliser(preprocessing, CPU)(torch.from_numpy(levels))
    expected = (levels / 255 - np.array(MEAN[:channels])) / np.array(STD[:channels])
    np.testing.assert_allclose(found, expected.transpose(0, 3, 1, 2), atol=1e-6)
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_without_augmentation_images_are_as_they_were() -> None:
    images = random_images()
    for held in (image_set(images, augment=False), image_set(images, padding=0, flip=False)):
        (found,) = held.batches(np.array([4, 0, 4]), 5, EPOCH)
        np.testing.assert_array_equal(found, images[[4, 0, 4]])
        assert len(held) == 5


@pytest.mark.parametrize("chunk", [1, 4, 7, 2048])
def test_batches_are_the_same_wherever_they_begin(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "CHUNK", chunk)
    order = np.random.default_rng(1).integers(0, 5, size=23)
    held = image_set(random_images())
    drawn = held.draw_augmentation(23, EPOCH.generator(seeding.AUGMENTATION))
    expected = held.take(order, drawn).split(4)
    for first in range(7):
        found = list(held.batches(order, 4, replace(EPOCH, first_batch=first)))
        assert [len(batch) for batch in found] == [4, 4, 4, 4, 4, 3][first:]
        assert all(torch.equal(a, b) for a, b in zip(found, expected[first:], strict=True))


def test_policy_sees_each_image_with_its_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "CHUNK", 8)
    images = np.arange(11, dtype=np.uint8).reshape(11, 1, 1, 1)
    held = image_set(images, padding=0, flip=False)
    shift = np.arange(100, 111, dtype=np.uint8).reshape(11, 1, 1, 1)
    order = np.arange(11)[::-1].copy()
    found = held.batches(
        order, 4, replace(EPOCH, first_batch=1), lambda pixels, where: pixels + torch.from_numpy(shift[where])
    )
    assert torch.cat(list(found)).flatten().tolist() == [110] * 7


def test_draws_cover_every_offset_and_both_flips() -> None:
    drawn = image_set(random_images(), padding=2).draw_augmentation(2000, np.random.default_rng(0))
    assert drawn.shape == (2000, 3)
    seen = {tuple(row) for row in drawn.tolist()}
    assert seen == set(itertools.product(range(5), range(5), (0, 1)))
    assert abs(drawn[:, 2].mean() - 0.5) < 0.05


@pytest.mark.parametrize(("padding", "flip", "augment"), [(0, False, True), (2, True, False)])
def test_nothing_is_drawn_where_nothing_is_augmented(padding: int, flip: bool, augment: bool) -> None:
    held = image_set(random_images(), padding, flip, augment)
    assert not held.draw_augmentation(100, np.random.default_rng(0)).any()


def test_trainings_on_the_same_images_share_them_while_they_last() -> None:
    pixels, labels = random_images(), np.arange(5)
    data = Arrays(pixels, labels, pixels, labels, list("abcde"))
    first, second = (resident.Form(data, PREPROCESSING, CPU, 0, ALONE) for _ in range(2))
    chosen = np.array([3, 1])
    used = first.training(chosen, augment=True), first.testing()
    assert second.training(chosen.copy(), augment=True) is used[0]
    assert second.testing() is used[1]
    assert second.training(chosen[::-1], augment=True) is not used[0]
    assert second.training(chosen, augment=False) is not used[0]
    unpadded = resident.Form(data, changed(PREPROCESSING, crop_padding=0), CPU, 0, ALONE)
    assert unpadded.training(chosen, augment=True) is not used[0]
    other = resident.Form(replace(data), PREPROCESSING, CPU, 0, ALONE)
    assert other.testing() is not used[1]
    kept = weakref.ref(used[0])
    del used
    assert kept() is None
