"""Labels of a small long tail."""

import numpy as np

COUNTS = [50, 20, 9, 4, 3, 1]


def labels_of(counts: list[int]) -> np.ndarray:
    """Shuffled labels with so many of each class."""
    return np.random.default_rng(7).permutation(np.repeat(np.arange(len(counts)), counts))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)
