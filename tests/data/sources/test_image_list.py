import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtail.data import arrays
from longtail.data.forms.files import Files
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


def test_files_and_labels_are_as_the_lists_have_them(sources: Any) -> None:
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


FORMS = {
    "tabs": lambda lines: "\n".join(line.replace(" 0", "\t0").replace(" 1", "\t1") for line in lines),
    "windows": lambda lines: "\r\n".join([*lines, ""]),
    "mark": lambda lines: "\ufeff" + "\n".join(lines),
    "no-end": "\n".join,
    "blank": lambda lines: "\n \n".join(["", *lines, "\t"]),
    "spaces": lambda lines: "\n".join(f"  {line}  \t" for line in lines),
    "head": lambda lines: "\n".join(["Path\tLabel", *lines]),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_list_says_the_same_in_every_form(sources: Any, form: str) -> None:
    settings = sources()
    expected = image_list.read(settings, None)
    for split, lines in (("train", TRAIN), ("test", TEST)):
        with open(settings[f"{split}_list"], "w", newline="") as file:
            file.write(FORMS[form](lines))
    found = image_list.read(settings, None)
    for name, values in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), values, strict=True)


@pytest.mark.parametrize("first", [0, 1])
def test_labels_from_1_are_the_same_classes_as_from_0(sources: Any, first: int) -> None:
    train = [f"all/{number}.jpg {number + first}" for number in (10, 2, 0, *range(12))]
    found = image_list.read(sources(train, [f"val/a.jpg {first}", f"val/b.jpg {11 + first}"]), None)
    assert found.train_labels.tolist() == [10, 2, 0, *range(12)]
    assert found.test_labels.tolist() == [0, 11]
    assert found.classes == [str(number + first) for number in range(12)]


def test_labels_with_zeros_before_them_are_numbers(sources: Any) -> None:
    train = [f"all/{number}.jpg {number:02}" for number in range(12)]
    found = image_list.read(sources(train, ["val/a.jpg 02", "val/b.jpg 11"]), None)
    assert found.train_labels.tolist() == list(range(12))
    assert found.test_labels.tolist() == [2, 11]
    assert found.classes == [str(number) for number in range(12)]


def test_paths_hold_spaces_and_tabs_and_lead_out_of_the_folder(sources: Any) -> None:
    train = ["a b/c\td.jpg 0", "a b/2 1 \t1", "../beside/x.jpg 0"]
    found = image_list.read(sources(train, ["0 1"]), None)
    assert found.train_files.tolist() == ["a b/c\td.jpg", "a b/2 1", "../beside/x.jpg"]
    assert found.train_labels.tolist() == [0, 1, 0]
    assert found.test_files.tolist() == ["0"]
    assert found.test_labels.tolist() == [1]


def test_images_named_again_stay_and_are_counted(sources: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    train = [*TRAIN, "train/n01/a.jpg 0", "./train/n01/a.jpg 0", "val/1.jpg 1", "val/0.jpg 2"]
    settings = sources(train)
    found = image_list.read(settings, None)
    assert found.train_labels.tolist() == [1, 0, 1, 2, 0, 0, 1, 2]
    assert found.test_labels.tolist() == [2, 0, 1]
    assert [record.message for record in caplog.records] == [
        f"{settings['train_list']}: 2 lines name an image of an earlier line again, with the same label",
        f"{settings['test_list']}: 2 images are training images too, 1 of them with another label",
    ]


def test_what_was_read_survives_its_file(sources: Any, tmp_path: Path) -> None:
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
def test_classes_are_named_by_their_folder_where_each_has_its_own(
    sources: Any, train: list[Any], classes: list[str]
) -> None:
    assert image_list.read(sources(train), None).classes == classes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"train": []}, "the image list {folder}/train.txt is empty: fill it or name another"),
        ({"train": ["path label", ""]}, "the image list {folder}/train.txt is empty: fill it or name another"),
        ({"test": ["", " "]}, "test.txt is empty"),
        ({"train": [*TRAIN, "train/n01/b.jpg"]}, "train.txt, line 5: 'train/n01/b.jpg' must be 'relative/path"),
        ({"train": ["image label", *TRAIN]}, "train.txt, line 1: 'image label' must be 'relative/path.jpg label'"),
        ({"test": [*TEST, "path label"]}, "test.txt, line 4: 'path label' must be 'relative/path.jpg label'"),
        ({"test": ["val/0.jpg,0"]}, "test.txt, line 1: 'val/0.jpg,0' must be"),
        ({"test": ["val/0.jpg 0\rval/1.jpg 1"]}, r"test.txt, line 1: 'val/0.jpg 0\rval/1.jpg 1' must be"),
        ({"test": ["val/0.jpg 0", "val/\0.jpg 1"]}, "test.txt, line 2: has a NUL character, which is no text"),
        ({"train": ["", "a.jpg cat"]}, "train.txt, line 2: 'a.jpg cat' must be 'relative/path.jpg label'"),
        ({"test": ["a.jpg -1"]}, "test.txt, line 1: 'a.jpg -1' must be"),
        ({"test": ["a.jpg 1.0"]}, "test.txt, line 1: 'a.jpg 1.0' must be"),
        ({"test": ["/a.jpg 1"]}, "test.txt, line 1: '/a.jpg 1' must be"),
        ({"test": ["a.jpg 99999999999999999999"]}, "test.txt, line 1: 'a.jpg 99999999999999999999' must be"),
        ({"train": ["a/1.jpg 0", "c/1.jpg 2", "e/1.jpg 4"], "test": ["val/0.jpg 0"]},
         "train.txt, line 2: label 2, but no training image has label 1: number the classes without a gap,"),
        ({"train": ["b/1.jpg 1", "e/1.jpg 4"], "test": ["val/0.jpg 1"]},
         "train.txt, line 2: label 4, but no training image has label 2"),
        ({"train": ["a/1.jpg 6", "b/1.jpg 5"], "test": ["val/0.jpg 5"]},
         "train.txt, line 2: label 5, but no training image has label 1"),
        ({"train": ["a/1.jpg 0", "b/1.jpg 0"]}, "train.txt, line 1: '0' is the only class: at least two"),
        ({"test": [*TEST, "val/3.jpg 3"]}, "test.txt, line 4: label '3' is none of the 3 of the training files (0"),
        ({"train": ["a/1.jpg 1", "b/1.jpg 2"], "test": ["val/0.jpg 0"]},
         "test.txt, line 1: label '0' is none of the 2 of the training files (1, 2): correct it, or add training"),
        ({"train": [*TRAIN, "train/n01/b.jpg 02"]}, "train.txt, line 5: label '02' looks like '2' of {folder}/train"),
        ({"test": ["val/0.jpg 00"]}, "test.txt, line 1: label '00' looks like '0' of {folder}/train.txt, line 2"),
        ({"train": [*TRAIN, "train/x/../n01/a.jpg 1"]},
         "train.txt, line 5: 'train/x/../n01/a.jpg' has label 1, and label 0 in {folder}/train.txt, line 2: remove"),
        ({"without": ["a.jpg", "c.jpg"]},
         "train.txt: 2 of its 4 images are not below {root}, 'train/n01/a.jpg' is the first: correct data_dir"),
        ({"without": ["2.jpg", "1.jpg", "0.jpg"]}, "test.txt: 3 of its 3 images are not below {root}, 'val/2.jpg'"),
    ],
)  # fmt: skip
def test_an_error_names_place_and_remedy(sources: Any, changes: dict[str, Any], sentence: str) -> None:
    lines = {"train": TRAIN, "test": TEST, "without": ()} | changes
    # What is malformed names no image, and the tests write none for it.
    settings = sources(without=lines["without"])
    root = settings["data_dir"]
    for split in ("train", "test"):
        with open(settings[f"{split}_list"], "w", newline="") as file:
            file.write("\n".join(lines[split]))
    assert sentence.format(root=root, folder=os.path.dirname(root)) in refusal(settings)


def test_an_image_of_a_format_that_cannot_be_read_is_named(sources: Any) -> None:
    settings = sources(test=[*TEST, "val/3.heic 0"])
    assert f"{settings['data_dir']}/val/3.heic: Pillow cannot read .heic files here: save it" in refusal(settings)


@pytest.mark.parametrize("name", ["folder.png", "link.png"])
def test_what_is_no_file_is_not_there(sources: Any, tmp_path: Path, name: str) -> None:
    settings = sources()
    (tmp_path / "images/val/folder.png").mkdir()
    (tmp_path / "images/val/link.png").symlink_to("/nowhere")
    (tmp_path / "test.txt").write_text(f"val/{name} 0\n")
    assert f"1 of its 1 images are not below {settings['data_dir']}, 'val/{name}' is the first" in refusal(settings)


@pytest.mark.parametrize("target", ["nowhere.jpg", "0.jpg"])
def test_a_link_to_nothing_or_to_itself_is_no_image_and_hides_no_other(sources: Any, target: str) -> None:
    settings = sources()
    link = os.path.join(settings["data_dir"], "val", "0.jpg")
    os.remove(link)
    os.symlink(target, link)
    assert f"1 of its 3 images are not below {settings['data_dir']}, 'val/0.jpg' is the first" in refusal(settings)


@pytest.mark.parametrize("key", ["train_list", "test_list"])
def test_a_list_that_cannot_be_read_is_named(sources: Any, key: str, tmp_path: Path) -> None:
    settings = sources()
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "cannot read the image list /nowhere/list.txt (No such file or directory): correct its path" in refusal(
        settings | {key: "/nowhere/list.txt"}
    )
    said = refusal(settings | {key: str(binary)})
    assert said == f"{binary}, line 1: not UTF-8 text: save the image list in UTF-8"


def test_a_folder_is_listed_once_however_many_images_it_holds(sources: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = sources([f"train/{number % 2}/{number}.jpg {number % 2}" for number in range(40)], ["val/1.jpg 1"])
    listed = []
    scandir = os.scandir

    def counting(path):
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    assert len(image_list.read(settings, None).train_files) == 40
    assert len(listed) == 3
