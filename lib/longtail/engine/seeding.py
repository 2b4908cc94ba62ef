"""Random generators, one for each purpose and epoch, so that no state of a generator has to be saved."""

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
ROTATION = 9


@dataclass(frozen=True)
class Epoch:
    """One epoch of a stage, counted from 1, with its order seed; 0 is the time before the first epoch.

    `first_batch`, counted from 0, is where an interrupted training resumes. It does not change what is drawn for a
    batch.
    """

    number: int
    order_seed: int
    stage: int = 1
    first_batch: int = 0

    def entropy(self, purpose: int) -> tuple[int, int, int, int]:
        """The numbers that determine what is drawn for a purpose in this epoch."""
        return (self.order_seed, self.number, purpose, self.stage)

    def generator(self, purpose: int) -> np.random.Generator:
        """The generator of a purpose in this epoch, the same whether or not the training was interrupted before.

        Stages 1 and 2 of one seed draw from independent streams.
        """
        spawn_key = () if self.stage == 1 else (self.stage,)
        sequence = np.random.SeedSequence([self.order_seed, self.number, purpose], spawn_key=spawn_key)
        return np.random.Generator(np.random.PCG64(sequence))
