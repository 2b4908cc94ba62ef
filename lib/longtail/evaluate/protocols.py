"""Both model selections side by side: `last`, and `best` on the test set as the papers do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longtail.evaluate.score import score
from longtail.runtime import npz
from longtail.runtime.npz import Array

PROTOCOLS = ("last", "best")
# What a Stage 2's logits file, and a Stage-1 network's features file, call the test logits and labels.
STAGE2_NAMES = {"last": "last", "best": "best", "labels": "labels"}
STAGE1_NAMES = {"last": "test_logits", "best": "best_test_logits", "labels": "test_labels"}


def load(path: Path | str) -> dict[str, Array]:
    """Test logits [N, K] as `last` and `best`, and `labels` [N], of a logits file (Stage 2) or a file features.npz.

    Raises InputError when the file is not whole.
    """
    names = STAGE1_NAMES if Path(path).name == "features.npz" else STAGE2_NAMES
    stored = npz.load(path, names.values(), "logits")
    return {key: stored[name] for key, name in names.items()}


def score_both(
    path: Path | str, train_counts: list[int], bins: int, resamples: int, also: Sequence[int] = ()
) -> dict[str, Any]:
    """Scores of a logits file (Stage 2) or a file features.npz (Stage 1), by protocol.

    Raises InputError when the file is not whole.
    """
    stored = load(path)
    return {
        protocol: score(stored[protocol], stored["labels"], train_counts, bins, resamples, also=also)
        for protocol in PROTOCOLS
    }
