import gc
import multiprocessing
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from tests.small_settings import PREPROCESSING as small_images
from tests.small_settings import changed
from torchvision import transforms
from torchvision.transforms import functional as F

from longtail.engine import seeding
from longtail.engine.forms.files import StreamedSet
from longtail.engine.seeding import Epoch
from longtail.runtime.errors import InputError

CPU = torch.device("cpu")
EPOCH = Epoch(3, 0)
PREPROCESSING = changed(
    small_images,
    crop_padding=0,
    random_resized_crop=12,
    color_jitter=[0.4, 0.4, 0.4, 0.1],
    resize=16,
    center_crop=12,
)
FILES = np.array([f"{folder}/{number}.png" for number in range(5) for folder in ("a", "b")])


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Ten digits in colours and in sizes of their own."""
    folder = tmp_path_factory.mktemp("images")
    for number, (name, digit) in enumerate(zip(FILES, load_digits().images, strict=False)):
        grey = np.round(digit * (255 / 16)).astype(np.uint8)
        colours = np.stack([grey, 255 - grey, grey // (number + 1)], axis=2)
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(colours).resize((20 + number, 30 - number)).save(folder / name)
    return folder


def streamed(root, augment=True, workers=0, files=FILES, **changes):
    return StreamedSet(str(root), files, changed(PREPROCESSING, **changes), CPU, augment, workers)


def pixels(images, order, batch_size=4, epoch=EPOCH):
    return list(images.batches(np.array(order), batch_size, epoch))


def seeded(position):
    entropy = (0, 3, seeding.AUGMENTATION, 1, position)  # order seed, epoch, purpose, stage
    torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))


def opened(root, number):
    return Image.open(root / FILES[number]).convert("RGB")


def test_batches_follow_the_order(root: Any) -> None:
    batches = pixels(streamed(root), [3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    assert [tuple(batch.shape) for batch in batches] == [(4, 12, 12, 3), (4, 12, 12, 3), (2, 12, 12, 3)]
    assert {batch.dtype for batch in batches} == {torch.uint8}
    assert len(streamed(root)) == 10


def test_test_images_are_resized_and_their_centre_cut(root: Any) -> None:
    order = [7, 0, 7]
    (batch,) = pixels(streamed(root, augment=False), order)
    for number, image in zip(order, batch, strict=True):
        expected = F.center_crop(F.resize(opened(root, number), 16), [12, 12])
        np.testing.assert_array_equal(image, np.asarray(expected))


def test_an_image_is_turned_as_its_exif_data_say(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[274] = 6  # a quarter clockwise
    halves = np.repeat(np.array([[[250] * 3], [[10] * 3]], np.uint8), [6, 6], axis=0).repeat(12, axis=1)
    Image.fromarray(halves).save(tmp_path / "a.png", exif=turned)
    images = streamed(tmp_path, augment=False, files=np.array(["a.png"]), resize=None)
    assert pixels(images, [0])[0][0, :, :, 0].tolist() == [[10] * 6 + [250] * 6] * 12


def test_without_resize_test_images_are_only_cut(root: Any) -> None:
    (batch,) = pixels(streamed(root, augment=False, resize=None), [4])
    np.testing.assert_array_equal(batch[0], np.asarray(F.center_crop(opened(root, 4), [12, 12])))


def test_training_images_are_what_torchvisions_functions_make_of_the_same_draws(root: Any) -> None:
    order = [3, 1, 4, 1, 5, 9, 2, 6]
    found = torch.cat(pixels(streamed(root), order))
    flipped = []
    for position, number in enumerate(order):
        image = opened(root, number)
        seeded(position)
        box = transforms.RandomResizedCrop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3])
        image = F.resized_crop(image, *box, [12, 12])
        flipped.append(bool(torch.rand(1) < 0.5))
        image = F.hflip(image) if flipped[-1] else image
        spread = [0.6, 1.4]
        operations, *factors = transforms.ColorJitter.get_params(spread, spread, spread, [-0.1, 0.1])
        adjust = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]
        for operation in operations:
            image = adjust[operation](image, factors[operation])
        np.testing.assert_array_equal(found[position], np.asarray(image))
    assert set(flipped) == {True, False}


def test_what_preprocessing_does_not_ask_for_is_left_out(root: Any) -> None:
    plain = streamed(root, flip=False, color_jitter=None)
    (batch,) = pixels(plain, [2])
    seeded(0)
    box = transforms.RandomResizedCrop.get_params(opened(root, 2), [0.08, 1.0], [3 / 4, 4 / 3])
    np.testing.assert_array_equal(batch[0], np.asarray(F.resized_crop(opened(root, 2), *box, [12, 12])))
    as_tested = streamed(root, random_resized_crop=None, flip=False, color_jitter=None)
    assert torch.equal(pixels(as_tested, [2])[0], pixels(streamed(root, augment=False), [2])[0])


def test_workers_change_nothing(root: Any) -> None:
    order = np.random.default_rng(0).integers(0, 10, 23)
    alone, together = (streamed(root, workers=workers) for workers in (0, 2))
    for epoch in (EPOCH, Epoch(4, 0)):
        expected = pixels(alone, order, epoch=epoch)
        found = pixels(together, order, epoch=epoch)
        assert len(found) == len(expected) == 6
        assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_may_be_entered_in_its_middle(root: Any, workers: int) -> None:
    images, order = streamed(root, workers=workers), np.arange(10)
    whole, rest = pixels(images, order, 3), pixels(images, order, 3, replace(EPOCH, first_batch=2))
    assert len(whole) == 4
    assert all(torch.equal(*pair) for pair in zip(whole[2:], rest, strict=True))
    assert pixels(images, order, 3, replace(EPOCH, first_batch=4)) == []


def test_batch_size_changes_no_image(root: Any) -> None:
    images = streamed(root)
    assert torch.equal(torch.cat(pixels(images, range(10), 3)), torch.cat(pixels(images, range(10), 10)))


def test_position_and_seed_settle_the_augmentation(root: Any) -> None:
    images = streamed(root)
    first, again = pixels(images, [5, 5])[0]
    assert not torch.equal(first, again)
    assert torch.equal(pixels(images, [5, 0])[0][0], first)
    assert not torch.equal(pixels(images, [5], epoch=Epoch(3, 1))[0][0], first)


@pytest.mark.parametrize("workers", [0, 2])
def test_global_random_states_are_left_alone(root: Any, workers: int) -> None:
    images = streamed(root, workers=workers)
    torch.manual_seed(0)
    np.random.seed(0)
    expected = torch.rand(3), np.random.rand()
    torch.manual_seed(0)
    np.random.seed(0)
    pixels(images, [1, 2])
    assert torch.equal(torch.rand(3), expected[0])
    assert np.random.rand() == expected[1]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_is_named_and_the_set_stays_usable(root: Any, tmp_path: Path, workers: int) -> None:
    (tmp_path / "torn.png").write_bytes((root / "a/0.png").read_bytes()[:60])
    files = np.array([str(root / "a/1.png"), str(tmp_path / "torn.png"), str(tmp_path / "gone.png")])
    images = StreamedSet("/", files, PREPROCESSING, CPU, augment=True, workers=workers)
    for number, name in ((1, "torn.png"), (2, "gone.png")):
        with pytest.raises(InputError, match=rf"{name} is not a readable image .*: repair or remove it") as caught:
            pixels(images, [0, 0, 0, number, 0, 0], batch_size=2)
        assert "\n" not in str(caught.value)
    assert pixels(images, [0])[0].shape == (1, 12, 12, 3)


def workers():
    return set(multiprocessing.active_children())


def test_workers_stay_from_epoch_to_epoch_and_leave_with_the_set(root: Any) -> None:
    before, images = workers(), streamed(root, workers=2)
    seen = []
    for _ in range(2):
        pixels(images, range(10))
        seen.append(workers() - before)
    assert len(seen[0]) == 2
    assert seen[0] == seen[1]
    del images
    gc.collect()
    assert not seen[0] & workers()


def test_a_set_in_a_reference_cycle_leaves_as_quickly(root: Any) -> None:
    before, images = workers(), streamed(root, workers=2)
    pixels(images, range(10))
    images.cycle = images
    mine = workers() - before
    start = time.monotonic()
    del images
    gc.collect()
    assert not mine & workers()
    assert time.monotonic() - start < 8  # torch waits 5 seconds for each worker that does not hear of the end


@pytest.mark.skipif(not hasattr(signal, "sigwaitinfo"), reason="the sender of a signal is not told here")
def test_only_the_parents_signal_ends_a_worker(root: Any) -> None:
    before, images, order = workers(), streamed(root, workers=2), np.arange(10)
    expected = pixels(streamed(root), order, 1)
    running = images.batches(order, 1, EPOCH)
    found = [next(running)]
    mine = workers() - before
    for name in ("TERM", "INT", "USR1"):
        subprocess.run(["kill", f"-{name}", *(str(process.pid) for process in mine)], check=True)
    time.sleep(0.2)
    found += running
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    assert mine <= workers()
    for process in mine:  # as multiprocessing does with children that are left when a process ends
        process.terminate()
        process.join(10)
        assert process.exitcode == 0


def pass_without(worker, running):
    """Kill a worker and go on; PyTorch says so from a signal handler, at whatever line this process is."""
    try:
        worker.kill()
        list(running)
    finally:
        # It would say so again whenever another worker ends.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def test_worker_that_is_killed_ends_the_pass_in_words(root: Any) -> None:
    before, images = workers(), streamed(root, workers=2)
    running = images.batches(np.arange(10).repeat(100), 1, EPOCH)
    next(running)
    killed = (workers() - before).pop()
    handler = signal.getsignal(signal.SIGCHLD)
    with pytest.raises(RuntimeError, match=rf"worker (\(pid.* {killed.pid}\)|that decodes images) .*(killed|exited)"):
        pass_without(killed, running)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    del images, running
    gc.collect()
    signal.signal(signal.SIGCHLD, handler)


def test_two_passes_at_once_are_refused(root: Any) -> None:
    images = streamed(root, workers=2)
    first = images.batches(np.arange(10), 2, EPOCH)
    next(first)
    next(images.batches(np.arange(10), 2, EPOCH))
    with pytest.raises(RuntimeError, match="one at a time"):
        next(first)
