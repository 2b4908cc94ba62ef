"""Class-aware sampling, four images a class (Decouple, OLTR, MiSLAS Stage 2; methods card 1.7)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from longtail.samplers import Indices

PER_CLASS = 4


def draw(settings: Mapping[str, Any], labels: Indices, draws: int, rng: np.random.Generator) -> Indices:
    """Rows of which any stretch is balanced.

    Classes come from a shuffled list without replacement; each gives four consecutive images of its own
    shuffled cycle; a list or cycle that is used up is shuffled anew. Cycles start afresh each epoch, where the
    official sampler carries them over.
    """
    classes = np.unique(labels)
    cycles = [_Cycle(np.flatnonzero(labels == c), rng) for c in classes]
    deck = _Cycle(np.arange(len(classes)), rng)
    drawn: list[int] = []
    while len(drawn) < draws:
        cycle = cycles[deck.next()]
        drawn += [cycle.next() for _ in range(PER_CLASS)]
    return np.array(drawn[:draws], dtype=np.int64)


class _Cycle:
    """Items in shuffled order, endlessly."""

    def __init__(self, items: Indices, rng: np.random.Generator) -> None:
        self.items = items
        self.rng = rng
        self.queue: list[int] = []

    def next(self) -> int:
        if not self.queue:
            self.queue = self.rng.permutation(self.items).tolist()
        return self.queue.pop()
