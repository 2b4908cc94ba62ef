import copy
import hashlib
import json
import os
import pickle
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from torchvision import datasets

from longtail.data import long_tail
from longtail.data.sources import cifar
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT

NAMES = {"CIFAR10": "cifar-10-python.tar.gz", "CIFAR100": "cifar-100-python.tar.gz"}
SHARED = Path(os.environ.get("LONGTAIL_SHARED_DATA", ROOT.parent / "shared" / "data"))


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
    for file, batch in {**contents, reader.meta["filename"]: {names: ["first", "second", "third"]}}.items():
        (folder / file).write_bytes(pickle.dumps(batch))
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
def test_images_keep_the_order_of_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: type) -> None:
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


def test_files_other_than_the_official_ones_are_refused(tmp_path: Path) -> None:
    archive, _ = build(tmp_path, datasets.CIFAR10)
    with pytest.raises(InputError, match=r"cifar-10-python\.tar\.gz is not the whole official archive"):
        cifar.read({}, str(archive))
    assert list(archive.parent.iterdir()) == [archive]


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "flipped"])
def test_damaged_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    archive, md5 = build(tmp_path, datasets.CIFAR10)
    accept(monkeypatch, datasets.CIFAR10, md5)
    whole = archive.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 200]) + whole[middle + 200 :]
    damaged = {"cut": whole[:middle], "empty": b"", "text": b"not an archive", "flipped": flipped}
    archive.write_bytes(damaged[damage])
    with pytest.raises(InputError, match=r"is not the whole official archive .*: delete it and run again"):
        cifar.read({}, str(archive))


def pack_binary(archive: Path, reader, root: Path, monkeypatch) -> tuple[Path, list[str]]:
    """The content of a python archive as the binary version: its archive, made official, and the same unpacked."""
    version = copy.deepcopy(cifar.OTHER_VERSIONS[archive.name])
    python = [file for file, _ in reader.train_list + reader.test_list]
    for name, file in zip(version["files"], python, strict=True):
        images, labels = planes(archive, reader, [file])
        coarse = [[7]] * len(labels) if reader is datasets.CIFAR100 else [[]] * len(labels)
        rows = [bytes([*coarse[i], labels[i]]) + image.transpose(2, 0, 1).tobytes() for i, image in enumerate(images)]
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"".join(rows))
        version["files"][name] = hashlib.md5((root / name).read_bytes()).hexdigest()
    monkeypatch.setattr(cifar, "OTHER_VERSIONS", {archive.name: version})
    packed = archive.with_name(version["file"])
    with tarfile.open(packed, "w:gz") as target:
        for name in version["files"]:
            target.add(root / name, name)
    return packed, [str(root / name) for name in version["files"]]


@pytest.mark.parametrize("form", ["packed", "unpacked"])
@pytest.mark.parametrize("reader", [datasets.CIFAR10, datasets.CIFAR100])
def test_the_binary_version_has_the_images_of_the_python_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: type, form: str
) -> None:
    archive, md5 = build(tmp_path, reader)
    accept(monkeypatch, reader, md5)
    packed, files = pack_binary(archive, reader, tmp_path / "bin", monkeypatch)

    expected = cifar.read({}, str(archive))
    found = cifar.read({}, str(packed)) if form == "packed" else cifar.read({"files": files}, None)

    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), strict=True)
    assert found.classes == cifar.OTHER_VERSIONS[archive.name]["classes"].split()
    assert sorted(archive.parent.iterdir()) == [packed, archive]


@pytest.mark.parametrize(("archive", "number"), [("cifar-10-python.tar.gz", 10), ("cifar-100-python.tar.gz", 100)])
def test_class_names_are_in_the_order_of_labels_which_is_alphabetical(archive: str, number: int) -> None:
    names = cifar.OTHER_VERSIONS[archive]["classes"].split()
    assert len(set(names)) == number
    assert names == sorted(names)


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped"])
@pytest.mark.parametrize("form", ["packed", "unpacked"])
def test_a_damaged_binary_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, damage: str
) -> None:
    archive, _ = build(tmp_path, datasets.CIFAR100)
    packed, files = pack_binary(archive, datasets.CIFAR100, tmp_path / "bin", monkeypatch)
    harmed = Path(files[1])
    whole = harmed.read_bytes()
    harmed.write_bytes({"cut": whole[:-1], "empty": b"", "flipped": whole[:-1] + bytes([255 - whole[-1]])}[damage])
    with tarfile.open(packed, "w:gz") as target:
        target.add(tmp_path / "bin", "")
    sentence = {
        "packed": r"cifar-100-binary\.tar\.gz is not the whole official archive \(test\.bin has md5 \w+, not \w+\)",
        "unpacked": r"/cifar-100-binary: test\.bin has md5 \w+, not \w+: it is cut short or not .*; replace it",
    }[form]

    with pytest.raises(InputError, match=sentence):
        cifar.read({}, str(packed)) if form == "packed" else cifar.read({"files": files}, None)


def test_a_binary_archive_that_is_cut_short_or_lacks_a_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, _ = build(tmp_path, datasets.CIFAR10)
    packed, files = pack_binary(archive, datasets.CIFAR10, tmp_path / "bin", monkeypatch)
    packed.write_bytes(packed.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"cifar-10-binary\.tar\.gz is not the whole official archive"):
        cifar.read({}, str(packed))
    with tarfile.open(packed, "w:gz") as target:
        target.add(files[0], "cifar-10-batches-bin/data_batch_1.bin")
    with pytest.raises(InputError, match=r"not the whole official archive .*data_batch_2\.bin"):
        cifar.read({}, str(packed))


@pytest.fixture(scope="module")
def official_cifar100(tmp_path_factory) -> list[str]:
    """The real train.bin and test.bin of CIFAR-100, where this machine has them."""
    folder = os.environ.get("LONGTAIL_CIFAR100")
    if folder is None:
        sheets = SHARED / "cifar100-lossless.tar"
        if not sheets.is_file():
            pytest.skip("LONGTAIL_CIFAR100 does not name a folder with CIFAR-100's train.bin and test.bin")
        folder = str(tmp_path_factory.mktemp("cifar100"))
        subprocess.run([sys.executable, SHARED / "unpack_cifar.py", sheets, folder, "bin"], check=True)
    return [f"{folder}/train.bin", f"{folder}/test.bin"]


def test_subsets_of_the_real_cifar100_are_those_of_methods_card_1_1(official_cifar100: list[str]) -> None:
    found = cifar.read({"files": official_cifar100}, None)

    assert np.bincount(found.train_labels).tolist() == [500] * 100
    assert np.bincount(found.test_labels).tolist() == [100] * 100
    for imbalance, total in (("if200", 9_502), ("if100", 10_847), ("if50", 12_608), ("if10", 19_573)):
        subset = long_tail.subset(found.train_labels, len(found.classes), imbalance, seed=0, n_max=500)
        assert len(subset.indices) == total
        for label, positions in ((0, [90, 254, 283, 445, 461]), (99, [348, 153, 363, 361, 299])):
            members = np.flatnonzero(found.train_labels == label)
            kept = subset.indices[found.train_labels[subset.indices] == label][:5]
            assert np.searchsorted(members, kept).tolist() == positions[: subset.counts[label]]


def test_published_networks_saw_the_real_cifar100(official_cifar100: list[str]) -> None:
    """They were trained on other files of it."""
    found = cifar.read({"files": official_cifar100}, None)
    networks = ROOT / "results/published/networks/runs/cifar100_exact"

    for factor in (path.name for path in networks.iterdir()):
        subset = long_tail.subset(found.train_labels, len(found.classes), factor, seed=0, n_max=500)
        digests = found.digests(subset.indices)
        records = [json.loads(path.read_text()) for path in (networks / factor).rglob("provenance.json")]
        assert [record["images_seen"] for record in records] == [digests] * len(records)
