"""Every random draw comes from a generator named by its purpose, so no state of a generator has to be saved."""

from dataclasses import dataclass

import numpy as np

ORDER = 1
AUGMENTATION = 2
MIXING = 3
RANDAUGMENT = 4
FEATURES = 5
SECOND_ORDER = 6
SYNTHESIS = 7
DROPOUT = 8


@dataclass(frozen=True)
class Epoch:
    """One epoch of a stage of training, counted from 1, under an order seed; 0 is what comes before the first.

    `first_batch` is the batch, counted from 0, at which a training that was interrupted goes on. What is drawn for a
    batch does not depend on it.
    """

    number: int
    order_seed: int
    stage: int = 1
    first_batch: int = 0

    def entropy(self, purpose: int) -> tuple[int, int, int, int]:
        """The numbers that settle what is drawn for a purpose in this epoch."""
        return (self.order_seed, self.number, purpose, self.stage)

    def generator(self, purpose: int) -> np.random.Generator:
        """The generator of a purpose in this epoch, the same whether or not the training was interrupted before.

        Stages 1 and 2 of one seed draw from independent streams.
        """
        spawn_key = () if self.stage == 1 else (self.stage,)
        sequence = np.random.SeedSequence([self.order_seed, self.number, purpose], spawn_key=spawn_key)
        return np.random.Generator(np.random.PCG64(sequence))
