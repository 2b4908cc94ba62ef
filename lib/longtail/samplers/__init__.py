"""In what order training images are drawn (methods card 1.7), one file each, found by name.

`draw(settings, labels, draws, rng)` gives the rows [draws] of one epoch out of labels [N].
"""

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
