"""Shared by the algorithms that make images before training: the training set with these."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from longtail.data.forms.images import Arrays
from longtail.data.long_tail import Subset
from longtail.stage1.learner import Pool

Pixels = NDArray[np.uint8]


def with_made(data: Arrays, subset: Subset, made: Pixels, labels: NDArray[np.int64]) -> Pool:
    """The images of a subset, followed by `made` ones [M, H, W, C] with labels [M]."""
    pool = dataclasses.replace(
        data,
        train_images=np.concatenate([data.train_images[subset.indices], made]),
        train_labels=np.concatenate([data.train_labels[subset.indices], labels]),
    )
    return pool, np.arange(len(pool.train_labels)), pool.train_labels
