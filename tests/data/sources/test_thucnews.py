"""The official archive, made small: its layout and its checks."""

import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtail.data.sources import thucnews
from longtail.runtime.errors import InputError

CLASSES = ["finance", "realty"]
CHARACTERS = {"a": 0, "b": 1, "<UNK>": 2, "<PAD>": 3}
SETTINGS = {"kind": "thucnews", "titles": {"length": 4}}


@pytest.fixture
def official(tmp_path, monkeypatch):
    """The files of a repository with two classes of three titles, in a folder and in an archive."""
    vectors = io.BytesIO()
    np.savez(vectors, embeddings=np.zeros((4, 3)))
    content = {
        "train.txt": "".join(f"{'ab'[k]}{i}\t{k}\n" for k in range(2) for i in range(3)).encode(),
        "dev.txt": b"a0\t0\nb\t1\n",
        "test.txt": b"a0\t0\nbb\t1\n",
        "class.txt": "\n".join(CLASSES).encode(),
        "vocab.pkl": pickle.dumps(CHARACTERS),
        "embedding_SougouNews.npz": vectors.getvalue(),
    }
    folder = tmp_path / "unpacked"
    folder.mkdir()
    for name, data in content.items():
        (folder / name).write_bytes(data)
    with tarfile.open(tmp_path / "official.tar.gz", "w:gz") as archive:
        archive.add(folder, "repository-master/THUCNews/data")
    monkeypatch.setattr(thucnews, "CLASS_SIZES", (3, 3))
    known = {name: hashlib.md5(content[name]).hexdigest() for name in thucnews.MD5}
    monkeypatch.setattr(thucnews, "MD5", known)
    return folder


def unpacked(folder):
    return {"files": [str(folder / name) for name in thucnews.FILES_OF_ARCHIVE]}


def test_all_splits_from_the_archive_and_from_its_files(official: Any, tmp_path: Path) -> None:
    for found in (
        thucnews.read(SETTINGS, str(tmp_path / "official.tar.gz")),
        thucnews.read(SETTINGS | unpacked(official), None),
    ):
        assert found.classes == CLASSES
        assert found.train_labels.tolist() == [0, 0, 0, 1, 1, 1], "a title that is tested stays, as in the paper"
        assert found.validation_labels.tolist() == found.test_labels.tolist() == [0, 1]
        assert found.train_titles[0].tolist() == [0, 2, 3, 3]
        assert found.vectors.shape == (4, 3)


def test_what_is_not_official_is_named(official: Any, tmp_path: Path) -> None:
    settings = SETTINGS | unpacked(official)

    def refusal(archive=None):
        with pytest.raises(InputError) as caught:
            thucnews.read(settings, archive)
        return str(caught.value)

    (official / "train.txt").write_bytes(b"a\t0\nb\t1\n")
    assert "train.txt has 2 titles, not 6: replace it with the official file, or read a part of it" in refusal()
    (official / "dev.txt").write_bytes(b"a\t0\n")
    assert "dev.txt has md5" in refusal()
    (official / "vocab.pkl").unlink()
    assert "unpacked has no vocab.pkl: complete the official files, train.txt, dev.txt" in refusal()
    (tmp_path / "cut.tar.gz").write_bytes((tmp_path / "official.tar.gz").read_bytes()[:200])
    assert "cut.tar.gz is not a whole archive" in refusal(str(tmp_path / "cut.tar.gz"))
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as archive:
        archive.add(official / "dev.txt", "repository/dev.txt")
    assert "other.tar.gz has no folder THUCNews/data" in refusal(str(tmp_path / "other.tar.gz"))
