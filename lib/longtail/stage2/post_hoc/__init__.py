"""Post-hoc methods, a Stage 2 without training: one file per method, found by its name. NumPy only, to start quickly.

A part has `SETTINGS`, a literal (name -> JSON schema); `ARRAYS`, the arrays of features.npz that it reads, including
`test_labels`; and `adjust(settings, stored)`, which makes test logits for both protocols from these arrays. So that a
run can be exported, `classifier(settings, chosen, stage1)` gives the classifier behind these logits, from what
`adjust` chose for a protocol and from the classifier of Stage 1. `BEST_EPOCH = True` says that `best` adjusts the
best epoch of Stage 1, as `last` does the last one; without it both adjust the last one.
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


@dataclass(frozen=True)
class Stage1Classifier:
    """The linear classifier of a Stage 1, `weight` [K, D] and `bias` [K], and its training images per class [K]."""

    weight: Floats
    bias: Floats
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Affine:
    """An adjusted classifier z = scale·(Wx + bias) + offset, as in `stage2.classifier`; W [K, D], others [K]."""

    weight: Floats
    bias: Floats
    scale: Floats
    offset: Floats


def save_logits(path: Path | str, adjusted: Adjusted, labels: NDArray[np.int64]) -> None:
    """Write the test logits of both protocols with the labels [N] into one .npz, as a trained Stage 2 does."""
    npz.save(path, {"last": adjusted.last, "best": adjusted.best, "labels": labels})
