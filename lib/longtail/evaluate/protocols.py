"""Both model selections side by side: `last`, and `best` on the test set as the papers do."""

from pathlib import Path
from typing import Any

import numpy as np

from longtail.evaluate.score import score
from longtail.runtime.errors import InputError

# The names under which a Stage 2's logits and a Stage-1 network's features hold each protocol's test logits.
STAGE2_NAMES = {"last": "last", "best": "best", "labels": "labels"}
STAGE1_NAMES = {"last": "test_logits", "best": "best_test_logits", "labels": "test_labels"}


def score_both(path: Path | str, train_counts: list[int], bins: int, resamples: int) -> dict[str, Any]:
    """Scores of a logits file (Stage 2) or a features file (Stage 1), by protocol.

    Raises InputError when the file is neither.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = STAGE2_NAMES if "last" in stored else STAGE1_NAMES
            found = {key: stored[name] for key, name in names.items()}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"{path} holds no test logits ({error}): delete it and run again") from error
    return {
        protocol: score(found[protocol], found["labels"], train_counts, bins, resamples)
        for protocol in ("last", "best")
    }
