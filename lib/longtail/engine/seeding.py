"""Every random draw comes from a generator named by what it is for, so nothing has to be saved to go on."""

import numpy as np

ORDER = 1
AUGMENTATION = 2
MIXING = 3
RANDAUGMENT = 4
FEATURES = 5
SECOND_ORDER = 6
SYNTHESIS = 7
DROPOUT = 8


def generator(seed: int, epoch: int, purpose: int, stage: int) -> np.random.Generator:
    """The generator of one purpose in one epoch: the same whether or not the run was interrupted before.

    Stages 1 and 2 of one seed draw from independent streams.
    """
    sequence = np.random.SeedSequence([seed, epoch, purpose], spawn_key=() if stage == 1 else (stage,))
    return np.random.Generator(np.random.PCG64(sequence))
