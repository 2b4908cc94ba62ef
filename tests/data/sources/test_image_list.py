import os

import numpy as np
import pytest

from longtail.data import arrays
from longtail.data.arrays import Files
from longtail.data.sources import image_list
from longtail.runtime.errors import InputError

TRAIN = ["train/n02/b.jpg 1", "train/n01/a.jpg 0", "train/n02/a b.jpg\t1", "train/n07/c.jpg 2"]
TEST = ["val/2.jpg 2", "val/0.jpg 0", "val/1.jpg 1"]


@pytest.fixture
def sources(tmp_path):
    """A writer of lists and of the (empty) images they name; gives the settings of the source."""

    def write(train=TRAIN, test=TEST, without=()):
        for lines in (train, test):
            for line in lines:
                image = tmp_path / "images" / line.rsplit(maxsplit=1)[0]
                if image.name not in without:
                    image.parent.mkdir(parents=True, exist_ok=True)
                    image.touch()
        for split, lines in (("train", train), ("test", test)):
            (tmp_path / f"{split}.txt").write_text("\n".join(lines) + "\n\n")
        settings = {"kind": "image_list", "data_dir": str(tmp_path / "images")}
        return settings | {f"{split}_list": str(tmp_path / f"{split}.txt") for split in ("train", "test")}

    return write


def refusal(settings):
    with pytest.raises(InputError) as caught:
        image_list.read(settings, None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_and_labels_are_as_the_lists_have_them(sources):
    settings = sources()
    found = image_list.read(settings, None)
    assert isinstance(found, Files)
    assert found.root == settings["data_dir"]
    assert found.train_files.tolist() == [
        "train/n02/b.jpg",
        "train/n01/a.jpg",
        "train/n02/a b.jpg",
        "train/n07/c.jpg",
    ]
    assert found.train_labels.tolist() == [1, 0, 1, 2]
    assert found.test_files.tolist() == ["val/2.jpg", "val/0.jpg", "val/1.jpg"]
    assert found.test_labels.tolist() == [2, 0, 1]
    assert found.train_labels.dtype == found.test_labels.dtype == np.int64


def test_what_was_read_survives_its_file(sources, tmp_path):
    found = image_list.read(sources(), None)
    arrays.save(tmp_path / "arrays.npz", found)
    loaded = arrays.load(tmp_path / "arrays.npz")
    assert isinstance(loaded, Files)
    assert loaded.train_files.tolist() == found.train_files.tolist()
    assert loaded.classes == found.classes


@pytest.mark.parametrize(
    ("train", "classes"),
    [
        (TRAIN, ["n01", "n02", "n07"]),
        (["d/a/field/1.jpg 0", "d/b/hall/1.jpg 1", "d/b/hall/in/1.jpg 2"], ["a/field", "b/hall", "b/hall/in"]),
        (["d/1.jpg 0", "d/x/1.jpg 1", "d/y/1.jpg 2"], ["0", "x", "y"]),
        (["1.jpg 0", "x/1.jpg 1", "y/1.jpg 2"], ["0", "x", "y"]),
        (["all/1.jpg 0", "all/2.jpg 1", "all/3.jpg 2"], ["0", "1", "2"]),
        (["a/1.jpg 0", "b/1.jpg 0", "a/2.jpg 1", "c/1.jpg 2"], ["0", "1", "2"]),
    ],
)
def test_classes_are_named_by_their_folder_where_each_has_its_own(sources, train, classes):
    assert image_list.read(sources(train), None).classes == classes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"train": []}, "train.txt is empty: write a line 'relative/path.jpg label' for each image"),
        ({"test": ["", " "]}, "test.txt is empty"),
        ({"train": [*TRAIN, "train/n01/b.jpg"]}, "train.txt, line 5: 'train/n01/b.jpg' must be 'relative/path"),
        ({"train": ["", "a.jpg cat"]}, "train.txt, line 2: 'a.jpg cat' must be 'relative/path.jpg label'"),
        ({"test": ["a.jpg -1"]}, "test.txt, line 1: 'a.jpg -1' must be"),
        ({"test": ["a.jpg 1.0"]}, "test.txt, line 1: 'a.jpg 1.0' must be"),
        ({"test": ["/a.jpg 1"]}, "test.txt, line 1: '/a.jpg 1' must be"),
        ({"test": ["a.jpg 99999999999999999999"]}, "test.txt, line 1: 'a.jpg 99999999999999999999' must be"),
        ({"train": ["a/1.jpg 0", "c/1.jpg 2", "e/1.jpg 4"]},
         "train.txt: no image has label 1, but one has 4: number the classes from 0"),
        ({"train": ["a/1.jpg 1", "b/1.jpg 2"]}, "train.txt: no image has label 0, but one has 2"),
        ({"train": ["a/1.jpg 0", "b/1.jpg 0"]}, "train.txt: all images have label 0: at least two"),
        ({"test": [*TEST, "val/3.jpg 3"]}, "test.txt: label 3 is none of the 3 of "),
        ({"without": ["a.jpg", "c.jpg"]},
         "train.txt: 2 of its 4 images are not below {root}, 'train/n01/a.jpg' is the first: correct data_dir"),
        ({"without": ["2.jpg", "1.jpg", "0.jpg"]}, "test.txt: 3 of its 3 images are not below {root}, 'val/2.jpg'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_its_place_and_the_remedy(sources, changes, sentence):
    lines = {"train": TRAIN, "test": TEST, "without": ()} | changes
    # What is malformed names no image, and the tests write none for it.
    settings = sources(without=lines["without"])
    root = settings["data_dir"]
    for split in ("train", "test"):
        with open(settings[f"{split}_list"], "w") as file:
            file.write("\n".join(lines[split]))
    assert sentence.format(root=root) in refusal(settings)


def test_an_image_of_a_format_that_cannot_be_read_is_named(sources):
    settings = sources(test=[*TEST, "val/3.heic 0"])
    assert f"{settings['data_dir']}/val/3.heic: Pillow cannot read .heic files here: save it" in refusal(settings)


@pytest.mark.parametrize("name", ["folder.png", "link.png"])
def test_what_is_no_file_is_not_there(sources, tmp_path, name):
    settings = sources()
    (tmp_path / "images/val/folder.png").mkdir()
    (tmp_path / "images/val/link.png").symlink_to("/nowhere")
    (tmp_path / "test.txt").write_text(f"val/{name} 0\n")
    assert f"1 of its 1 images are not below {settings['data_dir']}, 'val/{name}' is the first" in refusal(settings)


@pytest.mark.parametrize("key", ["train_list", "test_list"])
def test_a_list_that_cannot_be_read_is_named(sources, key, tmp_path):
    settings = sources()
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "cannot read the image list /nowhere/list.txt (No such file or directory): correct its path" in refusal(
        settings | {key: "/nowhere/list.txt"}
    )
    assert f"cannot read the image list {binary} (not UTF-8 text)" in refusal(settings | {key: str(binary)})


def test_a_folder_is_listed_once_however_many_images_it_holds(sources, monkeypatch):
    settings = sources([f"train/{number % 2}/{number}.jpg {number % 2}" for number in range(40)], ["val/1.jpg 1"])
    listed = []
    scandir = os.scandir

    def counting(path):
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    assert len(image_list.read(settings, None).train_files) == 40
    assert len(listed) == 3
