"""`folder`: any image tree `train/<class>/*`, `test/<class>/*`."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data.forms.files import Files
from longtail.data.forms.images import Arrays
from longtail.runtime import image_tree

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
}


def streamed(settings: dict[str, Any]) -> bool:
    """Whether images stay in files."""
    return bool(settings["streamed"])


def side(settings: dict[str, Any]) -> int:
    """Side in pixels of images in memory."""
    return int(settings["image_size"])


def check(settings: dict[str, Any], where: str) -> None:
    """Raises InputError for a folder that is not a tree train/<class>/*, test/<class>/*."""
    image_tree.listing(Path(settings["data_dir"]))


def contents(settings: dict[str, Any]) -> str:
    """Hash of the names and file sizes of the images, since opening all of them would take too long."""
    return image_tree.digest(Path(settings["data_dir"]))


def class_sizes(settings: dict[str, Any]) -> tuple[int, ...]:
    """Training images of each class."""
    return tuple(map(len, image_tree.listing(Path(settings["data_dir"]))["train"].values()))


def remark(settings: dict[str, Any]) -> str:
    """The files that are ignored, for a table of data sets."""
    passed = image_tree.passed_over(Path(settings["data_dir"]))
    return f"Passed over in its folder: {passed}." if passed else ""


def read(settings: dict[str, Any], archive: str | None) -> Arrays | Files:
    """All images, decoded to RGB, with the shorter side resized to `image_size` and cropped to a central square.

    If the settings say `streamed`, only their paths: they are decoded in the training loop.
    Raises InputError naming a file that cannot be decoded.
    """
    root = Path(settings["data_dir"])
    tree = image_tree.listing(root)
    classes = list(tree["train"])
    for split, folders in tree.items():
        log.info("%s: %d images of %d classes", split, sum(map(len, folders.values())), len(folders))
    log.info("passed over: %s", image_tree.passed_over(root) or "nothing")
    paths, labels = {}, {}
    for split, folders in tree.items():
        paths[split] = [path for name in classes for path in folders[name]]
        labels[split] = np.repeat(np.arange(len(classes)), [len(folders[name]) for name in classes]).astype(np.int64)
    if settings["streamed"]:
        files = {split: np.array([str(path.relative_to(root)) for path in paths[split]]) for split in paths}
        return Files(str(root), files["train"], files["test"], labels["train"], labels["test"], classes)
    images = {split: np.stack([_square(path, settings["image_size"]) for path in paths[split]]) for split in paths}
    return Arrays(images["train"], labels["train"], images["test"], labels["test"], classes)


def _square(path: Path, size: int) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    from longtail.data import decode

    image = decode.rgb(path)
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(image)
