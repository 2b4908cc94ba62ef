"""The hold-out: training images that a long-tailed subset leaves out, on which post-hoc methods choose settings."""

import numpy as np
from numpy.typing import NDArray

from longtail.data.long_tail import Subset

PER_CLASS = 100
STREAM = 0


def hold_out(labels: NDArray[np.int64], subset: Subset, classes: int) -> NDArray[np.int64]:
    """Indices into the training arrays, class by class: at most 100 images of each class that no training uses.

    `labels` [N] are those of the whole source. All images are put into one order, drawn by NumPy's
    `default_rng(STREAM)` independently of a run's seeds, and the first images of each class that `subset` leaves out
    are taken, so that the hold-outs of different factors share as many images as possible. A class that is kept
    completely (the largest of CIFAR) has none, and neither has any class of a natural set. Methods without a setting
    to choose do not use these labels, so a report should say which methods did.
    """
    order = np.random.default_rng(STREAM).permutation(len(labels))
    left_out = order[~np.isin(order, subset.indices)]
    return np.concatenate([left_out[labels[left_out] == label][:PER_CLASS] for label in range(classes)])
