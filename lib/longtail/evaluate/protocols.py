"""Both model selections side by side: `last`, and `best` on the test set as the papers do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longtail.evaluate.score import score
from longtail.runtime import npz

# What a Stage 2's logits file, and a Stage-1 network's features file, call the test logits and labels.
STAGE2_NAMES = {"last": "last", "best": "best", "labels": "labels"}
STAGE1_NAMES = {"last": "test_logits", "best": "best_test_logits", "labels": "test_labels"}


def names(path: Path | str) -> dict[str, str]:
    """What a logits file (Stage 2) or a file features.npz (Stage 1) calls test logits, by protocol, and labels."""
    return STAGE1_NAMES if Path(path).name == "features.npz" else STAGE2_NAMES


def score_both(
    path: Path | str, train_counts: list[int], bins: int, resamples: int, also: Sequence[int] = ()
) -> dict[str, Any]:
    """Scores of a logits file (Stage 2) or a file features.npz (Stage 1), by protocol.

    Raises InputError when the file is not whole.
    """
    arrays = names(path)
    stored = npz.load(path, arrays.values(), "logits")
    labels = stored[arrays["labels"]]
    return {
        protocol: score(stored[arrays[protocol]], labels, train_counts, bins, resamples, also=also)
        for protocol in ("last", "best")
    }
