"""What a drawn training image gives the Stage-2 classifier, one file each, found by name.

`build(settings, features, labels, counts)` takes the cached features [N, D] (float32, on the device), their labels
[N] and the training images per class [K], and gives a `Draw`: rows [n] of the training set and a random generator of
the features' device -> float32 features [n, D] on that device. Settings are named in `SETTINGS`, a literal.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Draw = Callable[[NDArray[np.int64], torch.Generator], Tensor]
