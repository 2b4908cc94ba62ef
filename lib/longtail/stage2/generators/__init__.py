"""Generators of features for the Stage-2 classifier: one file per generator, found by its name.

`build(settings, features, labels, counts)` takes the cached features [N, D] (float32, on the device), their labels
[N] and the training images per class [K], and returns a `Draw`: a function of rows [n] of the training set and a
random generator on the features' device, which returns float32 features [n, D]. `SETTINGS` is a literal.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Draw = Callable[[NDArray[np.int64], torch.Generator], Tensor]
