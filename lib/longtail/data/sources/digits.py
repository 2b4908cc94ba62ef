"""`digits`: scikit-learn's bundled handwritten digits (UCI), 1,797 real 8x8 grey images."""

from typing import Any

import numpy as np

from longtail.data.forms.images import Arrays

TEST_PER_CLASS = 60
SIDE = 8
CHANNELS = 1
CLASS_SIZES = (118, 122, 117, 123, 121, 122, 121, 119, 114, 120)


def read(settings: dict[str, Any], archive: str | None) -> Arrays:
    """The last 60 images of each class, in file order, are the test set (600); the rest is for training.

    The file is ordered by writer, so most test digits come from writers that are not in the training set.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    labels = digits.target.astype(np.int64)
    # Grey levels are 0..16; 255/16 scales them to 0..255.
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    test = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        test[np.flatnonzero(labels == label)[-TEST_PER_CLASS:]] = True
    return Arrays(images[~test], labels[~test], images[test], labels[test], [str(i) for i in range(10)])
