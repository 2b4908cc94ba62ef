"""`folder`: any image tree `train/<class>/*`, `test/<class>/*`."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data import class_names, groups
from longtail.data.forms.files import Files
from longtail.data.forms.images import Arrays
from longtail.runtime import image_tree
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)

SETTINGS = {
    "data_dir": {"type": "string", "path": "folder", "description": "the folder that holds train/ and test/"},
    "streamed": {
        "type": "boolean",
        "default": False,
        "description": "decode images in the training loop instead of keeping them all in memory",
    },
    "image_size": {
        "type": "integer",
        "minimum": 8,
        "default": 32,
        "description": "of images in memory: side in pixels that they are resized and cut to",
    },
    "group": {
        "type": ["string", "null"],
        "default": None,
        "description": "a regular expression; what its first group finds in the name of a training image, with the "
        "class, names the images that no split divides: ^(\\d+)_ for 00012_00003.jpg (null: each image by itself)",
    },
    "group_images": {
        "type": ["integer", "null"],
        "minimum": 1,
        "default": None,
        "description": "at most so many training images of each group, evenly spaced in the order of their names "
        "(null: all)",
    },
    "class_names": {
        "type": ["object", "null"],
        "additionalProperties": {"type": "string", "minLength": 1},
        "default": None,
        "description": "names of classes, by the names of their folders (null: the names of the folders)",
    },
}


def streamed(settings: dict[str, Any]) -> bool:
    """Whether images stay in files."""
    return bool(settings["streamed"])


def side(settings: dict[str, Any]) -> int:
    """Side in pixels of images in memory."""
    return int(settings["image_size"])


def grouped(settings: dict[str, Any]) -> bool:
    """Whether images belong to groups."""
    return settings["group"] is not None


def check(settings: dict[str, Any], where: str) -> None:
    """Raises InputError for a folder that is no tree train/<class>/*, test/<class>/*, and for a wrong group rule."""
    tree, rule = image_tree.listing(Path(settings["data_dir"])), settings["group"]
    class_names.check(settings["class_names"], list(tree["train"]), where)
    if settings["group_images"] is not None and rule is None:
        raise InputError(f"{where} lacks the key 'group', which 'group_images' counts in: add it")
    if rule is not None:
        groups.check(rule, where)
        groups.check_names(rule, {name: _names(files) for name, files in tree["train"].items()}, where)


def contents(settings: dict[str, Any]) -> str:
    """Hash of the names and file sizes of the images, since opening all of them would take too long."""
    return image_tree.digest(Path(settings["data_dir"]))


def class_sizes(settings: dict[str, Any]) -> tuple[int, ...]:
    """Training images of each class."""
    return tuple(map(len, _tree(settings)["train"].values()))


def remark(settings: dict[str, Any]) -> str:
    """The files that are ignored, for a table of data sets."""
    passed = image_tree.passed_over(Path(settings["data_dir"]))
    return f"Passed over in its folder: {passed}." if passed else ""


def groups_of(settings: dict[str, Any]) -> list[str]:
    """The name of the group of each training image, in the order of `read`; unique only within a class."""
    train = _tree(settings)["train"]
    return [key for files in train.values() for key in groups.keys(settings["group"], _names(files))]


def read(settings: dict[str, Any], archive: str | None) -> Arrays | Files:
    """All images, decoded to RGB, with the shorter side resized to `image_size` and cropped to a central square.

    If the settings say `streamed`, only their paths: they are decoded in the training loop.
    Raises InputError naming a file that cannot be decoded.
    """
    root = Path(settings["data_dir"])
    tree = _tree(settings)
    folders_of_classes = list(tree["train"])
    classes = class_names.of(settings.get("class_names"), folders_of_classes)
    for split, folders in tree.items():
        log.info("%s: %d images of %d classes", split, sum(map(len, folders.values())), len(folders))
    log.info("passed over: %s", image_tree.passed_over(root) or "nothing")
    paths, labels = {}, {}
    for split, folders in tree.items():
        paths[split] = [path for name in folders_of_classes for path in folders[name]]
        sizes = [len(folders[name]) for name in folders_of_classes]
        labels[split] = np.repeat(np.arange(len(classes)), sizes).astype(np.int64)
    if settings["streamed"]:
        files = {split: np.array([str(path.relative_to(root)) for path in paths[split]]) for split in paths}
        return Files(str(root), files["train"], files["test"], labels["train"], labels["test"], classes)
    images = {split: np.stack([_square(path, settings["image_size"]) for path in paths[split]]) for split in paths}
    return Arrays(images["train"], labels["train"], images["test"], labels["test"], classes)


def _tree(settings: dict[str, Any]) -> image_tree.Images:
    """The images of both splits by class, of each group of the training images at most `group_images`."""
    tree = image_tree.listing(Path(settings["data_dir"]))
    if (most := settings.get("group_images")) is not None:
        for name, files in tree["train"].items():
            kept = groups.thinned(settings["group"], _names(files), most)
            tree["train"][name] = [files[position] for position in kept]
    return tree


def _names(files: list[Path]) -> list[str]:
    return [file.name for file in files]


def _square(path: Path, size: int) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    from longtail.data import decode

    image = decode.rgb(path)
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(image)
