"""Logit adjustment (Menon et al., ICLR 2021); at τ = 1 the post-compensated softmax of Hong et al. (CVPR 2021)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.runtime.errors import InputError
from longtail.stage2.post_hoc import Adjusted, Affine, Floats, Stage1Classifier

SETTINGS = {
    "tau": {
        "type": "number",
        "minimum": 0,
        "maximum": 10,
        "description": "τ: the multiple of log π that is subtracted; 1 is exact",
    },
}
ARRAYS = ("test_logits", "best_test_logits", "train_labels", "test_labels")
BEST_EPOCH = True


def adjust(settings: Mapping[str, Any], stored: Mapping[str, NDArray[Any]]) -> Adjusted:
    """Test logits z − τ·log π of logits [N, K], with π the shares of the classes in the training set.

    `last` adjusts the last epoch of Stage 1 and `best` its best one (methods card "Logit adjustment").
    Raises InputError if a class has no training image, and so no share.
    """
    logits = stored["test_logits"]
    counts = np.bincount(stored["train_labels"], minlength=logits.shape[1])
    if not counts.all():
        raise InputError(
            f"post_hoc logit_adjustment has no share of class {counts.argmin()}, which has no training image: leave "
            "the class out of the data set"
        )
    shift = _shift(settings["tau"], counts)
    chosen = {"tau": settings["tau"]}
    return Adjusted(logits - shift, stored["best_test_logits"] - shift, {"last": chosen, "best": chosen})


def classifier(settings: Mapping[str, Any], chosen: Mapping[str, Any], stage1: Stage1Classifier) -> Affine:
    """The classifier of Stage 1, from whose logits τ·log π is subtracted."""
    return Affine(stage1.weight, stage1.bias, np.ones_like(stage1.bias), -_shift(chosen["tau"], stage1.counts))


def _shift(tau: float, counts: NDArray[np.int64]) -> Floats:
    """τ·log π [K] of the training images per class."""
    shift: Floats = (tau * np.log(counts / counts.sum())).astype(np.float32)
    return shift
