"""`digits`: scikit-learn's bundled handwritten digits (UCI), 1,797 real 8x8 grey images."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from longtail.data.forms.images import Arrays

TEST_PER_CLASS = 60
SIDE = 8
# Within scikit-learn: 64 grey levels and the digit in each row.
FILE = "datasets/data/digits.csv.gz"
CHANNELS = 1
CLASS_SIZES = (118, 122, 117, 123, 121, 122, 121, 119, 114, 120)


def read(settings: dict[str, Any], archive: str | None) -> Arrays:
    """The last 60 images of each class, in file order, are the test set (600); the rest is for training.

    The file is ordered by writer, so most test digits come from writers that are not in the training set.
    """
    # Importing scikit-learn takes seconds, which everything in a new run would wait for.
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise ImportError("scikit-learn, whose digits these are, is not installed here")
    table = np.loadtxt(Path(package.origin).parent / FILE, delimiter=",")
    labels = table[:, -1].astype(np.int64)
    # Grey levels are 0..16; 255/16 scales them to 0..255.
    images = np.round(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, SIDE, SIDE, CHANNELS)
    test = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        test[np.flatnonzero(labels == label)[-TEST_PER_CLASS:]] = True
    return Arrays(images[~test], labels[~test], images[test], labels[test], [str(i) for i in range(10)])
