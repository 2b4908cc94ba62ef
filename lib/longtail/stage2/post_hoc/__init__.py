"""Stage 2 without training, one method a file, found by name: NumPy only, so that its job starts at once.

A part has `SETTINGS`, a literal (name -> JSON schema); `ARRAYS`, the arrays of features.npz it reads, `test_labels`
among them; and `adjust(settings, stored)`, which makes of these arrays test logits for both protocols (`Adjusted`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.runtime import npz

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Adjusted:
    """Test logits [N, K] of both protocols, and what was chosen for them on which evidence, ready for JSON."""

    last: Floats
    best: Floats
    choice: dict[str, Any]


def save_logits(path: Path | str, adjusted: Adjusted, labels: NDArray[np.int64]) -> None:
    """Write the test logits of both protocols with the labels [N] into one .npz, as a trained Stage 2 does."""
    npz.save(path, {"last": adjusted.last, "best": adjusted.best, "labels": labels})
