"""`folder`: any image tree `train/<class>/*`, `test/<class>/*`."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data.arrays import Arrays
from longtail.runtime import image_tree
from longtail.runtime.errors import InputError


def read(settings: dict[str, Any], archive: str | None) -> Arrays:
    """Decode every image to RGB, its shorter side resized to `image_size` and its centre cut square.

    Raises InputError naming a file that cannot be decoded.
    """
    found = image_tree.listing(Path(settings["data_dir"]))
    classes = list(found["train"])
    size = settings["image_size"]
    images, labels = {}, {}
    for split, folders in found.items():
        paths = [path for name in classes for path in folders[name]]
        images[split] = np.stack([_decode(path, size) for path in paths])
        labels[split] = np.repeat(np.arange(len(classes)), [len(folders[name]) for name in classes]).astype(np.int64)
    return Arrays(images["train"], labels["train"], images["test"], labels["test"], classes)


def _decode(path: Path, size: int) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            # Pillow cuts 16-bit grey levels off at 255 when it converts them.
            deep = opened.mode.startswith("I;16")
            image = (opened.point(lambda level: level * (1 / 257)) if deep else opened).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is not a readable image ({error}): repair or remove it") from error
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(image)
