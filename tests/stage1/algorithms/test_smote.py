import math

import numpy as np
import pytest
import torch
from tests import small

from longtail.data.forms.files import Files
from longtail.runtime.errors import InputError
from longtail.stage1 import train
from longtail.stage1.algorithms import smote

SETTINGS = small.changed(small.STAGE1, mixing=None, algorithm={"name": "smote"})
COUNTS = small.data()[1].counts


def images_of(count, seed=0, high=256):
    return np.random.default_rng(seed).integers(0, high, (count, 3, 2, 1), dtype=np.uint8)


def by_hand(images, count, rng):
    """Number i: base i mod n, the (1 + ⌊i/n⌋ mod (n − 1))-th nearest neighbour, λ ~ U(0, 1), pixel by pixel."""
    shares, made = rng.uniform(size=count), []
    for number in range(count):
        base = number % len(images)
        others = []
        for other in range(len(images)):
            pixels = zip(images[base].ravel().tolist(), images[other].ravel().tolist(), strict=True)
            others += [(sum((a - b) ** 2 for a, b in pixels), other)] if other != base else []
        partner = sorted(others)[number // len(images) % (len(images) - 1)][1]
        mixed = []
        for a, b in zip(images[base].ravel().tolist(), images[partner].ravel().tolist(), strict=True):
            mixed.append(round(shares[number] * a + (1 - shares[number]) * b))
        made.append(np.array(mixed, dtype=np.uint8).reshape(images.shape[1:]))
    return np.stack(made)


@pytest.mark.parametrize("high", [256, 2])  # 0 and 1 alone make equal distances and equal images
def test_images_between_neighbours_by_hand(high: int) -> None:
    images = images_of(5, high=high)
    # 23 images go once through all 4 neighbours of all 5, and begin again.
    found = smote.between(images, 23, np.random.default_rng(3))
    np.testing.assert_array_equal(found, by_hand(images, 23, np.random.default_rng(3)))


def test_a_class_of_two_has_one_neighbour_each() -> None:
    images = images_of(2)
    found = smote.between(images, 5, np.random.default_rng(3))
    np.testing.assert_array_equal(found, by_hand(images, 5, np.random.default_rng(3)))
    for image in found:
        assert ((image >= images.min(0)) & (image <= images.max(0))).all()


def test_a_class_of_one_gives_copies() -> None:
    images = images_of(1)
    np.testing.assert_array_equal(smote.between(images, 3, np.random.default_rng(3)), np.repeat(images, 3, axis=0))


def test_pixels_stay_bytes_without_wrapping() -> None:
    images = np.stack([np.zeros((3, 2, 1), np.uint8), np.full((3, 2, 1), 255, np.uint8)])
    shares = np.random.default_rng(3).uniform(size=400)
    found = smote.between(images, 400, np.random.default_rng(3))
    assert found.dtype == np.uint8
    # Even numbers start from black, odd ones from white.
    white = np.where(np.arange(400) % 2, shares, 1 - shares)
    np.testing.assert_array_equal(found[:, 0, 0, 0], np.rint(255 * white))


def test_every_class_is_brought_to_the_size_of_the_largest() -> None:
    labels = np.array([2, 0, 0, 2, 0, 3, 0])
    images = images_of(7)
    made, of_classes = smote.balanced(images, labels, np.random.default_rng(0))
    # Class 1 has no image and stays so.
    assert np.bincount(np.concatenate([labels, of_classes])).tolist() == [4, 0, 4, 4]
    assert of_classes.tolist() == [2, 2, 3, 3, 3]
    np.testing.assert_array_equal(made[2:], np.repeat(images[5:6], 3, axis=0))
    low, high = images[[0, 3]].min(0), images[[0, 3]].max(0)
    assert ((made[:2] >= low) & (made[:2] <= high)).all()


def test_a_balanced_set_gets_nothing() -> None:
    made, of_classes = smote.balanced(images_of(4), np.array([0, 1, 1, 0]), np.random.default_rng(0))
    assert made.shape == (0, 3, 2, 1)
    assert of_classes.tolist() == []


def test_the_set_is_balanced_and_begins_with_the_subset() -> None:
    arrays, subset = small.data()
    stage = train.learner(arrays, subset, SETTINGS)
    assert np.bincount(stage.labels).tolist() == [50] * 10
    pool, indices, labels = stage.pool(arrays, subset)
    assert len(stage.train) == len(indices) == len(pool.train_images) == 500
    np.testing.assert_array_equal(pool.train_images[:199], arrays.train_images[subset.indices])
    np.testing.assert_array_equal(labels[:199], arrays.train_labels[subset.indices])
    assert pool.test_images is arrays.test_images


def test_an_epoch_is_as_long_as_without_it() -> None:
    stage = train.learner(*small.data(), SETTINGS)
    found = list(stage.batches(stage.epoch(1)))
    assert [len(batch.labels) for batch in found] == [32] * 6 + [7]
    assert len(found) == math.ceil(sum(COUNTS) / 32)
    drawn = np.bincount(torch.cat([batch.labels for batch in found]))
    # 199 of 500 images, 50 a class, without replacement: 19.9 on average, with a standard deviation below 3.3.
    assert abs(drawn - 19.9).max() < 4 * 3.3
    order = stage.order(stage.epoch(1), draws=199)
    assert len(set(order.tolist())) == 199
    assert (order >= 199).any()


def test_the_order_seed_settles_the_images() -> None:
    pools = []
    for seeds in (
        {"initialisation": 0, "order": 0},
        {"initialisation": 5, "order": 0},
        {"initialisation": 0, "order": 1},
    ):
        stage = train.learner(*small.data(), small.changed(SETTINGS, seeds=seeds))
        pools.append(stage.pool(*small.data())[0].train_images.tobytes())
    assert pools[0] == pools[1] != pools[2]


def test_images_in_files_are_refused() -> None:
    labels = np.arange(4) % 2
    files = np.array(["a.png"] * 4)
    with pytest.raises(InputError, match="algorithm smote makes images from pixels in memory: set streamed: false"):
        train.learner(Files(".", files, files, labels, labels, ["a", "b"]), small.data()[1], SETTINGS)
