"""Training images that a long-tailed subset leaves out: what post-hoc methods choose their settings on."""

import numpy as np
from numpy.typing import NDArray

from longtail.data.long_tail import Subset

PER_CLASS = 100
STREAM = 0


def hold_out(labels: NDArray[np.int64], subset: Subset, classes: int) -> NDArray[np.int64]:
    """Indices into the training arrays, class by class: at most 100 images of each class that no training has seen.

    `labels` [N] are those of the whole source. All of it is put into one order, drawn by NumPy's
    `default_rng(STREAM)` whatever the seeds of a run, and each class gives its first images that `subset` leaves
    out: the hold-outs of different factors have as many images in common as can be. A class that is kept whole (on
    CIFAR the largest) has none, and neither has any class of a set that is used as it is. These labels are knowledge
    that methods without a setting to choose do not use, so a report should say who used them.
    """
    order = np.random.default_rng(STREAM).permutation(len(labels))
    left_out = order[~np.isin(order, subset.indices)]
    return np.concatenate([left_out[labels[left_out] == label][:PER_CLASS] for label in range(classes)])
