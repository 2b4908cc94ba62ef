from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from longtail.data.sources import digits


@pytest.fixture(scope="module")
def arrays():
    return digits.read({}, None)


def test_sixty_images_of_each_class_are_for_testing(arrays: Any) -> None:
    assert arrays.test_images.shape == (600, 8, 8, 1)
    assert arrays.train_images.shape == (1797 - 600, 8, 8, 1)
    assert np.bincount(arrays.test_labels).tolist() == [60] * 10
    assert arrays.classes == list("0123456789")
    assert arrays.train_labels.dtype == arrays.test_labels.dtype == np.int64


def test_test_images_are_the_last_of_the_file(arrays: Any) -> None:
    source = load_digits()
    for label in range(10):
        grey = source.images[source.target == label]  # 0..16, in file order
        train = arrays.train_images[arrays.train_labels == label][..., 0]
        test = arrays.test_images[arrays.test_labels == label][..., 0]
        np.testing.assert_allclose(np.concatenate([train, test]) * (16 / 255), grey, atol=0.5 * 16 / 255 + 1e-9)


def test_grey_levels_fill_a_byte(arrays: Any) -> None:
    assert arrays.train_images.dtype == np.uint8
    assert arrays.train_images.min() == 0
    assert arrays.train_images.max() == 255
    assert len(np.unique(arrays.train_images)) == 17
