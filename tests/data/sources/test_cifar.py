import hashlib
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from torchvision import datasets

from longtail.data.sources import cifar
from longtail.runtime.errors import InputError

NAMES = {"CIFAR10": "cifar-10-python.tar.gz", "CIFAR100": "cifar-100-python.tar.gz"}


def build(root: Path, reader) -> tuple[Path, dict[str, str]]:
    """An archive laid out as the official one, of few random images: its path and the md5 of each file in it."""
    rng = np.random.default_rng(0)
    key, names = ("labels", "label_names") if reader is datasets.CIFAR10 else ("fine_labels", "fine_label_names")
    folder = root / "made" / reader.base_folder
    folder.mkdir(parents=True)
    md5 = {}
    contents = {
        file: {"data": rng.integers(0, 256, (4, 3072), dtype=np.uint8), key: rng.integers(0, 3, 4).tolist()}
        for file, _ in reader.train_list + reader.test_list
    }
    for file, content in {**contents, reader.meta["filename"]: {names: ["first", "second", "third"]}}.items():
        (folder / file).write_bytes(pickle.dumps(content))
        md5[file] = hashlib.md5((folder / file).read_bytes()).hexdigest()
    archive = root / "held" / NAMES[reader.__name__]
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as target:
        target.add(folder, reader.base_folder)
    return archive, md5


def accept(monkeypatch, reader, md5: dict[str, str]) -> None:
    """Make torchvision take the files of `build` for the official ones."""
    for attribute in ("train_list", "test_list"):
        monkeypatch.setattr(reader, attribute, [[file, md5[file]] for file, _ in getattr(reader, attribute)])
    monkeypatch.setattr(reader, "meta", reader.meta | {"md5": md5[reader.meta["filename"]]})


def planes(archive: Path, reader, files: list[str]) -> tuple[np.ndarray, list[int]]:
    """Images [N, H, W, 3] put together from the three colour planes of each stored row, and labels."""
    images, labels = [], []
    with tarfile.open(archive) as stored:
        for file in files:
            content = pickle.load(stored.extractfile(f"{reader.base_folder}/{file}"))
            labels += content.get("labels") or content["fine_labels"]
            for row in content["data"]:
                red, green, blue = row[:1024], row[1024:2048], row[2048:]
                images.append(np.stack([plane.reshape(32, 32) for plane in (red, green, blue)], axis=2))
    return np.stack(images), labels


@pytest.mark.parametrize("reader", [datasets.CIFAR10, datasets.CIFAR100])
def test_images_keep_the_order_of_the_archive(tmp_path, monkeypatch, reader):
    archive, md5 = build(tmp_path, reader)
    accept(monkeypatch, reader, md5)
    arrays = cifar.read({}, str(archive))
    for split, images, labels in [
        (reader.train_list, arrays.train_images, arrays.train_labels),
        (reader.test_list, arrays.test_images, arrays.test_labels),
    ]:
        expected_images, expected_labels = planes(archive, reader, [file for file, _ in split])
        np.testing.assert_array_equal(images, expected_images)
        assert labels.tolist() == expected_labels
        assert images.dtype == np.uint8
        assert labels.dtype == np.int64
    assert arrays.classes == ["first", "second", "third"]
    assert list(archive.parent.iterdir()) == [archive]


def test_files_other_than_the_official_ones_are_refused(tmp_path):
    archive, _ = build(tmp_path, datasets.CIFAR10)
    with pytest.raises(InputError, match=r"cifar-10-python\.tar\.gz is not the whole official archive"):
        cifar.read({}, str(archive))
    assert list(archive.parent.iterdir()) == [archive]


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "flipped"])
def test_damaged_archive_is_refused(tmp_path, monkeypatch, damage):
    archive, md5 = build(tmp_path, datasets.CIFAR10)
    accept(monkeypatch, datasets.CIFAR10, md5)
    whole = archive.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 200]) + whole[middle + 200 :]
    damaged = {"cut": whole[:middle], "empty": b"", "text": b"not an archive", "flipped": flipped}
    archive.write_bytes(damaged[damage])
    with pytest.raises(InputError, match=r"is not the whole official archive .*: delete it and run again"):
        cifar.read({}, str(archive))


def test_archive_has_to_be_named():
    with pytest.raises(InputError, match="needs its 'archive' key"):
        cifar.read({}, None)
