"""Stage 1 on images in files: what it is on the same images in memory."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests import small

from longtail.data.forms.files import Files
from longtail.data.forms.images import Arrays
from longtail.engine.distributed import World
from longtail.engine.forms.files import StreamedSet
from longtail.engine.seeding import Epoch
from longtail.features import extract
from longtail.stage1 import train

STILL = {"crop_padding": 0, "flip": False, "center_crop": 8, "mean": [0.305] * 3, "std": [0.376] * 3}
RECIPE = {"epochs": 2}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Arrays, Files]:
    """The training images of the small subset and some of the test, in colour, in memory and as files."""
    digits, subset = small.data()
    root = tmp_path_factory.mktemp("images")

    def stored(images: np.ndarray, split: str) -> tuple[np.ndarray, np.ndarray]:
        colour = np.repeat(images, 3, axis=3)
        (root / split).mkdir()
        for number, pixels in enumerate(colour):
            Image.fromarray(pixels).save(root / split / f"{number}.png")
        return colour, np.array([f"{split}/{number}.png" for number in range(len(images))])

    train_images, train_files = stored(digits.train_images[subset.indices], "train")
    test_images, test_files = stored(digits.test_images[:100], "test")
    labels = digits.train_labels[subset.indices], digits.test_labels[:100]
    arrays = Arrays(train_images, labels[0], test_images, labels[1], digits.classes)
    return arrays, Files(str(root), train_files, test_files, *labels, digits.classes)


def everything():
    _, subset = small.data()
    return type(subset)(np.arange(len(subset.indices)), subset.counts)


@pytest.mark.parametrize("workers", [0, 1])
def test_files_train_as_arrays_do(both: tuple[Arrays, Files], tmp_path: Path, workers: int) -> None:
    settings = small.changed(
        small.STAGE1, preprocessing=STILL, recipe=RECIPE, randaugment={"operations": 1, "magnitude": 9}
    )
    resident, streamed = (
        train.train(data, everything(), settings, small.resume(tmp_path / str(number)), workers)
        for number, data in enumerate(both)
    )
    assert streamed.history == resident.history
    assert all(torch.equal(value, resident.last_state[name]) for name, value in streamed.last_state.items())


def test_files_have_the_features_of_arrays(both: tuple[Arrays, Files], tmp_path: Path) -> None:
    settings = small.changed(small.STAGE1, preprocessing=STILL, recipe=RECIPE | {"epochs": 1})
    fitted = train.train(both[0], everything(), settings, small.resume(tmp_path))
    torch.save(fitted.last_state, tmp_path / "last.pt")
    checkpoint = tmp_path / "last.pt"
    found = [vars(extract.extract(data, everything(), settings, checkpoint, checkpoint)) for data in both]
    for name, value in found[0].items():
        np.testing.assert_array_equal(found[1][name], value)


@pytest.mark.parametrize("first", [0, 2])
def test_processes_decode_their_rows_of_each_batch(
    both: tuple[Arrays, Files], monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    files = both[1]
    varied = small.changed(small.PREPROCESSING, **STILL | {"flip": True, "random_resized_crop": 8})
    order = np.random.default_rng(0).permutation(70)
    gathered: list[tuple[int, int]] = []

    def gather(world: World, rows: torch.Tensor, count: int) -> torch.Tensor:
        gathered.append((len(rows), count))
        return rows

    def batches(world: World) -> list[torch.Tensor]:
        held = StreamedSet(files.root, files.train_files, varied, torch.device("cpu"), True, 0, world)
        return list(held.batches(order, 16, Epoch(1, 0, first_batch=first)))

    whole = batches(World())
    monkeypatch.setattr(World, "gather", gather)
    parts = [batches(World(rank, 3)) for rank in range(3)]
    assert [torch.cat(rows).tolist() for rows in zip(*parts, strict=True)] == [batch.tolist() for batch in whole]
    assert gathered[-1] == (2, 6)
