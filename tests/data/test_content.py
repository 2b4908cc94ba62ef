import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from longtail.data.forms.files import Files
from longtail.data.forms.images import Arrays
from longtail.data.forms.titles import Titles
from longtail.data.sources import digits, folder
from longtail.runtime.errors import InputError

RNG = np.random.default_rng(0)
TRAIN, TEST = (RNG.integers(0, 256, (n, 4, 4, 3), dtype=np.uint8) for n in (9, 6))
LABELS = [np.arange(n) % 3 for n in (9, 6)]
DATA = Arrays(TRAIN, LABELS[0], TEST, LABELS[1], ["a", "b", "c"])
ALL = np.arange(9)


def test_the_digest_is_that_of_the_definition() -> None:
    """Label as two little-endian bytes, then the pixels; images sorted by their own digest."""
    kept = np.array([4, 7])
    each = [hashlib.sha256(bytes([1, 0]) + TRAIN[index].tobytes()).digest() for index in kept]

    assert DATA.digests(kept)["train"] == hashlib.sha256(b"".join(sorted(each))).hexdigest()


def test_the_order_of_images_is_no_part_of_it() -> None:
    order, test = RNG.permutation(9), RNG.permutation(6)
    other = Arrays(TRAIN[order], LABELS[0][order], TEST[test], LABELS[1][test], ["a", "b", "c"])

    assert other.digests(ALL) == DATA.digests(RNG.permutation(9))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_pixel_or_a_label_is(split: str) -> None:
    whole = DATA.digests(ALL)
    images, labels = getattr(DATA, f"{split}_images").copy(), getattr(DATA, f"{split}_labels").copy()
    images[2, 1, 1, 1] ^= 1
    labels[2] = 0

    for changed in ({f"{split}_images": images}, {f"{split}_labels": labels}):
        digests = replace(DATA, **changed).digests(ALL)
        assert [name for name in whole if digests[name] != whole[name]] == [split]


def test_only_the_images_kept_count() -> None:
    assert DATA.digests(ALL[:-1])["train"] != DATA.digests(ALL)["train"]


def test_a_folder_of_files_shows_what_the_arrays_show(tmp_path: Path) -> None:
    for split, images, labels in (("train", TRAIN, LABELS[0]), ("test", TEST, LABELS[1])):
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            path = tmp_path / split / "abc"[label] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)

    read = folder.read({"data_dir": str(tmp_path), "streamed": False, "image_size": 4}, None)

    assert isinstance(read, Arrays)
    assert not np.array_equal(read.train_images, TRAIN)
    assert read.digests(ALL) == DATA.digests(ALL)


def test_digits_are_known_by_these() -> None:
    data = digits.read({}, None)

    assert isinstance(data, Arrays)
    digests = data.digests(np.arange(len(data.train_labels)))
    assert {split: digest[:16] for split, digest in digests.items()} == {
        "train": "198e810614f270a9",
        "test": "d21c801140530e22",
    }


class TestFiles:
    """Images that stay in files, of which paths and sizes are compared."""

    @pytest.fixture
    def data(self, tmp_path: Path) -> Files:
        for name in ("a.png", "b.png"):
            (tmp_path / name).write_bytes(name.encode() * 3)
        names, labels = np.array(["a.png", "b.png"]), np.array([0, 1])
        return Files(str(tmp_path), names, names[:1], labels, labels[:1], ["a", "b"])

    def test_their_place_is_no_part_of_it(self, data: Files, tmp_path: Path) -> None:
        moved = tmp_path / "moved"
        moved.mkdir()
        for name in ("a.png", "b.png"):
            (moved / name).write_bytes(b"other pixels of")

        digests = data.digests(np.arange(2))

        assert replace(data, root=str(moved)).digests(np.arange(2)) == digests
        assert digests["by"] == "paths and sizes of files"

    def test_a_size_is(self, data: Files, tmp_path: Path) -> None:
        digests = data.digests(np.arange(2))
        (tmp_path / "b.png").write_bytes(b"more")

        changed = data.digests(np.arange(2))

        assert changed["train"] != digests["train"]
        assert changed["test"] == digests["test"]

    def test_a_file_that_is_gone_is_named(self, data: Files, tmp_path: Path) -> None:
        (tmp_path / "b.png").unlink()

        with pytest.raises(InputError, match=r"b\.png cannot be read \(No such file or directory\): bring the image"):
            data.digests(np.arange(2))


def test_titles_count_with_what_training_starts_and_stops_by() -> None:
    labels, numbers = np.array([0, 1]), np.array([[1, 2, 0], [3, 3, 0]], np.int32)
    vectors, characters = np.ones((4, 2), np.float32), np.array(["x", "y", "<UNK>", "<PAD>"])
    data = Titles(numbers, labels, numbers, labels, numbers, labels, vectors, ["a", "b"], characters)
    digests = data.digests(np.arange(2))

    for change, part in (
        ({"train_titles": numbers[::-1]}, "train"),
        ({"validation_titles": numbers[::-1]}, "validation"),
        ({"test_titles": numbers + 1}, "test"),
        ({"vectors": np.zeros((4, 2), np.float32)}, "vectors"),
    ):
        changed = replace(data, **change).digests(np.arange(2))
        assert [name for name in digests if digests[name] != changed[name]] == [part]
