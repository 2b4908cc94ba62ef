"""Images to train on: CIFAR-10-LT in shape, the digits, or a folder."""

from pathlib import Path

import numpy as np

from longtail.data import arrays, long_tail
from longtail.data.arrays import Arrays
from longtail.data.sources import digits, folder

CLASSES = 10


def cifar_shaped() -> Arrays:
    """12,406 random 32x32 colour images in the class sizes of CIFAR-10-LT at factor 100, and 10,000 to test on.

    The pixels come from a fixed seed: the arithmetic of training does not depend on them.
    """
    counts = long_tail.class_counts(5000, 100, CLASSES)
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 256, (number, 32, 32, 3), dtype=np.uint8) for number in (sum(counts), 10_000))
    labels = np.repeat(np.arange(CLASSES), counts), np.repeat(np.arange(CLASSES), 1000)
    return Arrays(train, labels[0], test, labels[1], [str(label) for label in range(CLASSES)])


def save(target: Path, source: str) -> str:
    """Write the arrays of `cifar`, of `digits`, or of a folder of train/<class>/* and test/<class>/*; their path."""
    path = target / f"{Path(source).name}.npz"
    if source == "cifar":
        arrays.save(path, cifar_shaped())
    elif source == "digits":
        arrays.save(path, digits.read({}, None))
    else:
        arrays.save(path, folder.read({"data_dir": source, "image_size": 32}, None))
    return str(path)


def load(path: str) -> Arrays:
    """The arrays of a file that `save` wrote."""
    found = arrays.load(path)
    assert isinstance(found, Arrays)
    return found
