"""SMOTE (Chawla et al., JAIR 2002) on pixels: rare classes are filled up with interpolated images."""

import numpy as np
from numpy.typing import NDArray

from longtail.data.arrays import Data
from longtail.data.forms.images import Arrays
from longtail.data.long_tail import Subset
from longtail.engine import seeding
from longtail.runtime.errors import InputError
from longtail.stage1.algorithms._made import Pixels, with_made
from longtail.stage1.learner import Pool, Stage1Learner

IN_MEMORY = True


class Learner(Stage1Learner):
    """Every class is filled up to the size of the largest before training; the length of an epoch does not change.

    Source: M2m's code (methods card "SMOTE"). The new images depend on the order seed.
    """

    def pool(self, data: Data, subset: Subset) -> Pool:
        """The subset's images, followed by the images made from them."""
        if not isinstance(data, Arrays):
            raise InputError(
                "algorithm smote makes images from pixels in memory: set streamed: false, or leave it out"
            )
        images, labels = data.train_images[subset.indices], data.train_labels[subset.indices]
        made, made_labels = balanced(images, labels, self.epoch(0).generator(seeding.SYNTHESIS))
        self.kept = len(labels)
        return with_made(data, subset, made, made_labels)


def balanced(images: Pixels, labels: NDArray[np.int64], rng: np.random.Generator) -> tuple[Pixels, NDArray[np.int64]]:
    """Images [M, H, W, C] that bring each class of images [N, H, W, C] to the size of the largest; labels [M]."""
    counts = np.bincount(labels)
    lacking = counts.max() - counts
    lacking[counts == 0] = 0
    made = [between(images[labels == label], int(lacking[label]), rng) for label in np.flatnonzero(lacking)]
    return np.concatenate([images[:0], *made]), np.repeat(np.arange(len(counts)), lacking)


def between(images: Pixels, count: int, rng: np.random.Generator) -> Pixels:
    """`count` images [count, H, W, C], each a random point between two of the `images` [n, H, W, C] of a class.

    New image i is between image i mod n and one of its neighbours by pixels: in the first round through the class the
    nearest, in each further round the next nearest, through all n − 1. A class of one image gives copies of it.
    """
    size = len(images)
    flat = images.reshape(size, -1).astype(np.float64)
    squares = (flat**2).sum(1)
    distances = squares[:, None] + squares - 2 * flat @ flat.T  # [n, n]
    np.fill_diagonal(distances, -1)  # an image comes before its copies
    nearest = np.argsort(distances, axis=1, kind="stable")
    rounds, base = np.divmod(np.arange(count), size)
    partner = nearest[base, 1 + rounds % (size - 1)] if size > 1 else base
    share = rng.uniform(size=(count, 1))
    mixed = np.rint(share * flat[base] + (1 - share) * flat[partner])
    return mixed.astype(np.uint8).reshape(count, *images.shape[1:])
