"""`gtsrb`: the German Traffic Sign Recognition Benchmark, in the folders of torchvision.datasets.GTSRB."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data import class_names, groups, lines
from longtail.data.forms.images import Arrays
from longtail.runtime.errors import InputError

SETTINGS = {
    "data_dir": {
        "type": "string",
        "path": "folder",
        "description": "the folder that holds gtsrb/, as torchvision.datasets.GTSRB(folder, split, download=True) "
        "fills it with both splits",
    },
    "image_size": {
        "type": "integer",
        "minimum": 8,
        "default": 32,
        "description": "side in pixels that images are resized to, whatever their proportions",
    },
    "group_images": {
        "type": ["integer", "null"],
        "minimum": 1,
        "default": None,
        "description": "at most so many training images of each track (up to 30 images of one sign), evenly spaced "
        "(null: all)",
    },
    "class_names": {
        "type": ["object", "null"],
        "additionalProperties": {"type": "string", "minLength": 1},
        "default": None,
        "description": 'names of classes, by their numbers in two digits: {"00": speed limit 20} (null: the numbers)',
    },
}
AWAITS_COPY = True
GROUPED = True
CLASSES = 43
TRAIN, TEST, TEST_LABELS = "gtsrb/GTSRB/Training", "gtsrb/GTSRB/Final_Test/Images", "gtsrb/GT-final_test.csv"
# Training images are called <track>_<frame>.ppm.
RULE = r"^(\d+)_\d+\.ppm$"


def side(settings: dict[str, Any]) -> int:
    """Side in pixels."""
    return int(settings["image_size"])


def check(settings: dict[str, Any], where: str) -> None:
    """Raises InputError, beginning with `where`, for folders that are not those of torchvision.datasets.GTSRB."""
    root = Path(settings["data_dir"])
    for name in (TRAIN, TEST, TEST_LABELS):
        if not (root / name).exists():
            raise InputError(
                f"{where}, key 'data_dir': {root} has no {name}: name the folder that holds gtsrb/, which "
                "torchvision.datasets.GTSRB downloads (both splits, 'train' and 'test')"
            )
    class_names.check(settings["class_names"], _numbers(), where)
    for files in _train_files(settings):
        groups.keys(RULE, [file.name for file in files])


def contents(settings: dict[str, Any]) -> str:
    """The number of training images of each class: the benchmark itself does not change."""
    return " ".join(map(str, class_sizes(settings)))


def class_sizes(settings: dict[str, Any]) -> tuple[int, ...]:
    """Training images of each class."""
    return tuple(map(len, _train_files(settings)))


def groups_of(settings: dict[str, Any]) -> list[str]:
    """The track of each training image, in the order of `read`; its number is unique only within a class."""
    return [key for files in _train_files(settings) for key in groups.keys(RULE, [file.name for file in files])]


def read(settings: dict[str, Any], archive: str | None) -> Arrays:
    """All images, resized to `image_size`: training images by class and name, test images as in GT-final_test.csv.

    Images are used with their margin of some 10 % around the sign, as torchvision's reader gives them.
    Raises InputError naming a file that is missing or cannot be decoded.
    """
    train = _train_files(settings)
    labels = np.repeat(np.arange(CLASSES), [len(files) for files in train]).astype(np.int64)
    test_files, test_labels = _test(Path(settings["data_dir"]))
    images = [
        _images(paths, settings["image_size"]) for paths in ([path for files in train for path in files], test_files)
    ]
    names = class_names.of(settings.get("class_names"), _numbers())
    return Arrays(images[0], labels, images[1], np.array(test_labels, np.int64), names)


def _numbers() -> list[str]:
    return [f"{label:02}" for label in range(CLASSES)]


def _train_files(settings: dict[str, Any]) -> list[list[Path]]:
    """The training images of each class, of each track at most `group_images`."""
    found = []
    for label in range(CLASSES):
        folder = Path(settings["data_dir"], TRAIN, f"{label:05}")
        files = sorted(folder.glob("*.ppm"))
        if not files:
            raise InputError(f"{folder} holds no .ppm image: download the training images again")
        if (most := settings.get("group_images")) is not None:
            files = [files[position] for position in groups.thinned(RULE, [file.name for file in files], most)]
        found.append(files)
    return found


def _test(root: Path) -> tuple[list[Path], list[int]]:
    """The test images and their labels."""
    path = root / TEST_LABELS
    rows = csv.DictReader(lines.read(path, "list of test images"), delimiter=";")
    files, labels = [], []
    for row in rows:
        label = row.get("ClassId") or ""
        if not row.get("Filename") or not label.isdecimal() or int(label) >= CLASSES:
            raise InputError(
                f"{path}, line {rows.line_num}: no Filename with a ClassId from 0 to 42: download it again"
            )
        files.append(root / TEST / row["Filename"])
        labels.append(int(label))
    return files, labels


def _images(paths: list[Path], size: int) -> NDArray[np.uint8]:
    """Images [N, H, W, C]."""
    from PIL import Image

    from longtail.data import decode

    return np.stack([np.asarray(decode.rgb(p).resize((size, size), Image.Resampling.BILINEAR)) for p in paths])
