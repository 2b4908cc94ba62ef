from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from longtail.data import arrays
from longtail.data.forms.files import Files
from longtail.data.forms.images import Arrays
from longtail.runtime.errors import InputError


@pytest.fixture
def example() -> Arrays:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (9, 4, 5, 3), dtype=np.uint8)
    labels = np.array([0, 1, 2] * 3)
    return Arrays(images[:6], labels[:6], images[6:], labels[6:], ["cat", "dög", "犬"])


@pytest.fixture
def listed() -> Files:
    files = np.array(["train/cat/1.jpg", "train/dög/12.jpg", "test/犬/3.jpg"])
    labels = np.array([0, 1, 2])
    return Files("my images", files[:2], files[2:], labels[:2], labels[2:], ["cat", "dög", "犬"])


@pytest.mark.parametrize("form", ["example", "listed"])
def test_both_forms_survive_their_file(tmp_path: Path, form: str, request: pytest.FixtureRequest) -> None:
    stored = request.getfixturevalue(form)
    arrays.save(tmp_path / "arrays.npz", stored)
    loaded = arrays.load(tmp_path / "arrays.npz", "my images")
    assert type(loaded) is type(stored)
    for field in fields(stored):
        before, after = getattr(stored, field.name), getattr(loaded, field.name)
        np.testing.assert_array_equal(before, after)
        assert type(before) is type(after)
        assert getattr(before, "dtype", None) == getattr(after, "dtype", None)
    assert loaded.train_labels.dtype == np.int64


def test_a_list_of_files_that_was_cut_short_is_refused(tmp_path: Path, listed: Files) -> None:
    path = tmp_path / "arrays.npz"
    arrays.save(path, listed)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"arrays\.npz is not a whole arrays file.*delete it and run again"):
        arrays.load(path)


def test_classes_have_names_and_test_sizes(example: Arrays, listed: Files) -> None:
    assert arrays.classes(example) == {"names": ["cat", "dög", "犬"], "test_counts": [1, 1, 1]}
    assert arrays.classes(listed) == {"names": ["cat", "dög", "犬"], "test_counts": [0, 0, 1]}


def test_equal_arrays_give_equal_bytes(tmp_path: Path, example: Arrays) -> None:
    for name in ("a.npz", "b.npz"):
        arrays.save(tmp_path / name, example)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_file_that_was_cut_short_is_refused(tmp_path: Path, example: Arrays, share: float) -> None:
    path = tmp_path / "arrays.npz"
    arrays.save(path, example)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"arrays\.npz is not a whole arrays file.*delete it and run again"):
        arrays.load(path)


def test_changed_byte_is_noticed(tmp_path: Path, example: Arrays) -> None:
    path = tmp_path / "arrays.npz"
    arrays.save(path, example)
    content = bytearray(path.read_bytes())
    content[content.index(example.train_images.tobytes()) + 17] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a whole arrays file"):
        arrays.load(path)


def test_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", logits=np.zeros(3))
    np.savez(tmp_path / "code.npz", train_images=np.array([{}], dtype=object))  # would have to be unpickled
    for name in ("other.npz", "code.npz", "missing.npz"):
        with pytest.raises(InputError, match=name):
            arrays.load(tmp_path / name)
