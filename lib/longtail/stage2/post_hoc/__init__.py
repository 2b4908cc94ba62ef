"""Post-hoc methods, a Stage 2 without training: one file per method, found by its name. NumPy only, to start quickly.

A part has `SETTINGS`, a literal (name -> JSON schema); `ARRAYS`, the arrays of features.npz that it reads, including
`test_labels`; and `adjust(settings, stored)`, which makes test logits for both protocols from these arrays.
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
    """Test logits [N, K] of both protocols, and the chosen settings with the data for this choice, ready for JSON."""

    last: Floats
    best: Floats
    choice: dict[str, Any]


def save_logits(path: Path | str, adjusted: Adjusted, labels: NDArray[np.int64]) -> None:
    """Write the test logits of both protocols with the labels [N] into one .npz, as a trained Stage 2 does."""
    npz.save(path, {"last": adjusted.last, "best": adjusted.best, "labels": labels})
