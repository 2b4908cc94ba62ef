import itertools
import math

import numpy as np
import pytest
import torch

from longtail.engine import seeding
from longtail.engine.images import ImageSet, epoch_batches

MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]
CPU = torch.device("cpu")


def random_images(count=5, height=6, width=8, channels=3):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def image_set(images, padding=2, flip=True, augment=True):
    channels = images.shape[3]
    preprocessing = {"crop_padding": padding, "flip": flip, "mean": MEAN[:channels], "std": STD[:channels]}
    return ImageSet(images, preprocessing, CPU, augment)


def by_definition(image, down, right, flip, padding):
    """Pad one image with zeros, slice, mirror: uint8 [C, H, W]."""
    height, width, _ = image.shape
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    crop = padded[down : down + height, right : right + width]
    return (crop[:, ::-1] if flip else crop).transpose(2, 0, 1)


def normalised(pixels):
    """(p/255 − mean) / std of [..., C, H, W] in float64."""
    mean, std = (np.array(values)[: pixels.shape[-3], None, None] for values in (MEAN, STD))
    return (pixels / 255 - mean) / std


@pytest.mark.parametrize("shape", [(5, 6, 8, 3), (3, 4, 4, 1)])
def test_every_crop_and_flip_equals_the_definition(shape):
    images = random_images(*shape)
    padding = 2
    settings = np.array(list(itertools.product(range(2 * padding + 1), range(2 * padding + 1), (0, 1))))
    indices = np.arange(len(settings)) % len(images)
    found = image_set(images, padding).take(indices, settings)
    pixels = np.stack([by_definition(images[i], *row, padding) for i, row in zip(indices, settings, strict=True)])
    np.testing.assert_allclose(found, normalised(pixels), atol=1e-6)
    # Each of the 256 grey levels of a channel is one float, so the pixels themselves are exactly those.
    levels = image_set(np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1).repeat(shape[3], 3), 0)
    table = levels.take(np.arange(256))[:, :, 0, 0].numpy()  # [256, C]
    exact = np.stack([table[pixels[:, channel], channel] for channel in range(shape[3])], axis=1)
    np.testing.assert_array_equal(found, exact)


def test_without_augmentation_images_are_only_normalised():
    images = random_images()
    for held, augmentation in [(image_set(images, augment=False), None), (image_set(images, padding=0), None)]:
        found = held.take(np.array([4, 0, 4]), augmentation)
        np.testing.assert_allclose(found, normalised(images[[4, 0, 4]].transpose(0, 3, 1, 2)), atol=1e-6)
        assert len(held) == 5


def test_batches_are_channels_last_float32():
    found = image_set(random_images()).take(np.arange(5), np.zeros((5, 3), np.int64))
    assert found.shape == (5, 3, 6, 8)
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_draws_cover_every_offset_and_both_flips():
    drawn = image_set(random_images(), padding=2).draw_augmentation(2000, np.random.default_rng(0))
    assert drawn.shape == (2000, 3)
    seen = {tuple(row) for row in drawn.tolist()}
    assert seen == set(itertools.product(range(5), range(5), (0, 1)))
    assert abs(drawn[:, 2].mean() - 0.5) < 0.05


@pytest.mark.parametrize(("padding", "flip", "augment"), [(0, False, True), (2, True, False)])
def test_nothing_is_drawn_where_nothing_is_augmented(padding, flip, augment):
    held = image_set(random_images(), padding, flip, augment)
    assert not held.draw_augmentation(100, np.random.default_rng(0)).any()


LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1])


def batches(epoch=1, seed=0, alpha=0.0, batch_size=4, stage=1):
    recipe = {"batch_size": batch_size, "batches": "ceil"}
    settings = {"recipe": recipe, "sampler": "instance_balanced", "mixup_alpha": alpha}
    return list(epoch_batches(image_set(random_images(len(LABELS))), LABELS, settings, seed, epoch, stage))


def test_an_epoch_shows_every_image_once():
    order = seeding.generator(0, 1, seeding.ORDER, stage=1).permutation(len(LABELS))
    found = batches()
    assert [len(batch.labels) for batch in found] == [4, 4, 3]
    assert torch.cat([batch.labels for batch in found]).tolist() == LABELS[order].tolist()
    assert all(batch.partner is None and batch.share == 1.0 for batch in found)
    held = image_set(images := random_images(len(LABELS)))
    drawn = held.draw_augmentation(len(LABELS), seeding.generator(0, 1, seeding.AUGMENTATION, stage=1))
    expected = [by_definition(images[i], *row, 2) for i, row in zip(order, drawn, strict=True)]
    np.testing.assert_allclose(torch.cat([b.inputs for b in found]), normalised(np.stack(expected)), atol=1e-6)


def test_epochs_seeds_and_stages_differ_and_repeat():
    first = batches()
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(first, batches(), strict=True))
    for other in (batches(epoch=2), batches(seed=1), batches(stage=2)):
        assert not torch.equal(first[0].inputs, other[0].inputs)


def test_mixup_equals_the_definition():
    shares = []
    for plain, mixed in zip(batches(), batches(alpha=1.0), strict=True):
        assert torch.equal(mixed.labels, plain.labels)
        assert sorted(mixed.partner.tolist()) == list(range(len(plain.labels)))
        for row, partner in enumerate(mixed.partner.tolist()):
            expected = mixed.share * plain.inputs[row] + (1 - mixed.share) * plain.inputs[partner]
            assert torch.equal(mixed.inputs[row], expected)
        assert mixed.inputs.is_contiguous(memory_format=torch.channels_last)
        shares.append(mixed.share)
    assert len(set(shares)) == len(shares)


@pytest.mark.parametrize("alpha", [1.0, 0.2])
def test_shares_follow_the_beta_distribution(alpha):
    shares = np.sort([b.share for epoch in range(40) for b in batches(epoch, alpha=alpha, batch_size=1)])
    count = len(shares)
    assert count == 440
    # Kolmogorov-Smirnov at the 0.1 % level against draws of the distribution itself.
    reference = np.sort(np.random.default_rng(1).beta(alpha, alpha, 100_000))
    distance = abs(np.searchsorted(reference, shares) / 100_000 - (np.arange(count) + 0.5) / count).max()
    assert distance < 1.95 / math.sqrt(count)
