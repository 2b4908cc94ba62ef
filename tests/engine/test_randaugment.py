import functools

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torchvision.transforms import InterpolationMode, RandAugment
from torchvision.transforms.autoaugment import _apply_op

from longtail.data.sources import digits
from longtail.engine import randaugment
from longtail.engine.randaugment import OPERATIONS

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="compares a GPU with the CPU")


@pytest.fixture(autouse=True)
def one_thread():
    """Small kernels on several threads mostly wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def noise(count, height=32, width=32, channels=3):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8))


def smooth(count, height=32, width=32, channels=3):
    """Soft blots of colour, as photographs have them, many of them cut off at black or white."""
    coarse = torch.from_numpy(np.random.default_rng(1).normal(128, 90, (count, channels, 4, 4)))
    fine = F.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 255)
    return fine.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def enlarged_digits():
    images = torch.from_numpy(digits.read({}, None).train_images[:3])
    return images.repeat_interleave(3, 1).repeat_interleave(3, 2).expand(-1, -1, -1, 3).contiguous()


def degenerate():
    """One level, two levels, one channel of one level, and just fewer or as many pixels below the top as levels."""
    images = torch.zeros(7, 32, 32, 3, dtype=torch.uint8)
    images[1], images[2] = 77, 255
    images[3, :, 5:] = 200
    images[4] = noise(1)[0]
    images[4, :, :, 1] = 9
    for image, below in [(images[5], 254), (images[6], 255)]:
        image.view(-1, 3)[below:] = 31
    return images


IMAGES = {
    "noise": noise(5),
    "smooth": smooth(5),
    "digits": enlarged_digits(),
    "degenerate": degenerate(),
    "grey": torch.cat([smooth(3, channels=1), noise(2, channels=1)]),
    "oblong": torch.cat([smooth(2, 20, 27), noise(1, 20, 27)]),
    "tiny": noise(3, 2, 5),
    # The mean of one level is that level, but not as a product with 1/63 in float32: Contrast would show it.
    "plain": torch.arange(0, 256, 11, dtype=torch.uint8)[:, None, None, None].repeat(1, 7, 9, 1),
}


@functools.cache
def torchvision_operations(height, width):
    """Name, strengths and whether they have a sign."""
    return list(RandAugment()._augmentation_space(31, (height, width)).items())


def by_torchvision(image, drawn, magnitude):
    """One uint8 image [H, W, C] after operations [K, 2], as torchvision's RandAugment does them with its defaults."""
    found = image.permute(2, 0, 1).contiguous()
    operations = torchvision_operations(*image.shape[:2])
    for number, negated in drawn:
        name, (magnitudes, signed) = operations[number]
        strength = magnitudes[magnitude].item() if magnitudes.ndim else 0.0
        found = _apply_op(found, name, -strength if signed and negated else strength, InterpolationMode.NEAREST, None)
    return found.permute(1, 2, 0)


def test_operations_are_those_of_torchvision_in_its_order() -> None:
    operations = torchvision_operations(32, 32)
    assert tuple(name for name, _ in operations) == OPERATIONS
    assert [signed for _, (_, signed) in operations] == randaugment.SIGNED.tolist()


@pytest.mark.parametrize("magnitude", [0, 9, 30])
@pytest.mark.parametrize("kind", IMAGES)
def test_every_operation_equals_torchvision(kind: str, magnitude: int) -> None:
    images = IMAGES[kind]
    for number, name in enumerate(OPERATIONS):
        for negated in (0, 1):
            drawn = np.tile([[[number, negated]]], (len(images), 1, 1))
            found = randaugment.apply(images, drawn, magnitude)
            expected = torch.stack([by_torchvision(image, drawn[0], magnitude) for image in images])
            assert found.equal(expected), (name, negated)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_magnitude_equals_torchvision(name: str) -> None:
    image = smooth(1, 20, 27)
    for magnitude in range(31):
        drawn = np.array([[[OPERATIONS.index(name), magnitude % 2]]])
        found = randaugment.apply(image, drawn, magnitude)[0]
        assert found.equal(by_torchvision(image[0], drawn[0], magnitude)), magnitude


@pytest.mark.parametrize("operations", [1, 2, 3])
def test_operations_follow_one_another_as_drawn(operations: int) -> None:
    images = torch.cat([smooth(31), noise(30)])
    drawn = randaugment.draw(len(images), operations, np.random.default_rng(2))
    expected = [by_torchvision(image, row, 9) for image, row in zip(images, drawn, strict=True)]
    found = randaugment.apply(images, drawn, 9)
    assert found.equal(torch.stack(expected))
    assert found.is_contiguous()


def test_the_images_that_came_in_stay_as_they_are() -> None:
    images = noise(28)
    everything = np.stack(np.divmod(np.arange(28), 2), axis=1)[:, None]
    found = randaugment.apply(images, everything, 9)
    assert images.equal(noise(28))
    unchanged = randaugment.apply(images, np.zeros((28, 1, 2), np.int64), 9)
    assert unchanged.equal(images)
    assert images.data_ptr() not in (found.data_ptr(), unchanged.data_ptr())


def test_an_image_does_not_depend_on_the_others() -> None:
    images = torch.cat([smooth(60), noise(41)])
    drawn = randaugment.draw(len(images), 2, np.random.default_rng(3))
    whole = randaugment.apply(images, drawn, 9)
    for size in (1, 2, 7, 33):
        parts = zip(images.split(size), np.split(drawn, range(size, len(drawn), size)), strict=True)
        assert torch.cat([randaugment.apply(part, rows, 9) for part, rows in parts]).equal(whole), size
    shuffled = np.random.default_rng(4).permutation(len(images))
    assert randaugment.apply(images[shuffled], drawn[shuffled], 9).equal(whole[shuffled])


def test_colour_of_grey_images_is_left_alone() -> None:
    images = IMAGES["grey"]
    drawn = np.tile([[[OPERATIONS.index("Color"), 1]]], (len(images), 1, 1))
    assert randaugment.apply(images, drawn, 30).equal(images)


def test_nothing_is_read_back_from_the_device() -> None:
    # Tensors on "meta" have no data: whatever asked for some would fail.
    drawn = np.stack(np.divmod(np.arange(28), 2), axis=1)[:, None]
    found = randaugment.apply(noise(28).to("meta"), drawn, 9)
    assert (found.shape, found.dtype, found.device.type) == ((28, 32, 32, 3), torch.uint8, "meta")


@needs_gpu
@pytest.mark.parametrize("kind", IMAGES)
def test_a_gpu_gives_the_same_bytes(kind: str) -> None:
    images = IMAGES[kind].repeat(28, 1, 1, 1)
    every = np.stack(np.divmod(np.arange(28), 2), axis=1).repeat(len(IMAGES[kind]), axis=0)[:, None]
    for magnitude in range(31):
        expected = randaugment.apply(images, every, magnitude)
        assert randaugment.apply(images.cuda(), every, magnitude).cpu().equal(expected), magnitude


def test_draws_are_uniform_and_settled_by_the_generator() -> None:
    drawn = randaugment.draw(14_000, 2, np.random.default_rng(0))
    assert drawn.shape == (14_000, 2, 2)
    assert drawn.dtype == np.int64
    for step in (0, 1):
        counts = np.bincount(2 * drawn[:, step, 0] + drawn[:, step, 1])
        assert len(counts) == 28
        assert np.abs(counts - 500).max() < 100  # 4.5 standard deviations
    np.testing.assert_array_equal(drawn, randaugment.draw(14_000, 2, np.random.default_rng(0)))
