"""τ-norm (Kang et al., ICLR 2020): rows of the Stage-1 classifier divided by a power of their length."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.runtime.errors import InputError
from longtail.stage2.post_hoc import Adjusted, Affine, Floats, Stage1Classifier

SETTINGS = {
    "tau": {
        "type": ["number", "null"],
        "minimum": 0,
        "maximum": 10,
        "description": "power of its length that divides a row; null: chosen on the hold-out among 0, 0.1, ..., 2",
    },
    "bias": {
        "type": "boolean",
        "description": "keep the Stage-1 bias (BagofTricks-LT) or drop it (the official script)",
    },
}
ARRAYS = ("weight", "bias", "held_out_features", "held_out_labels", "test_features", "test_labels")
GRID = [step / 10 for step in range(21)]


def adjust(settings: Mapping[str, Any], stored: Mapping[str, NDArray[Any]]) -> Adjusted:
    """Test logits z_k = w_k·x / ‖w_k‖^τ (+ b_k) of float32 features [N, D] (methods card "τ-norm").

    A kept bias is not scaled. Without a `tau`, `last` uses the τ of the grid with the highest mean per-class accuracy
    on the hold-out, over the classes with images there, and `best` the one with the highest test accuracy, as in the
    papers; of equals the smallest. With a `tau`, both use it, and grid and accuracies in `choice` are empty.
    Raises InputError if τ has to be chosen on an empty hold-out, or a row of W is all 0 or not finite.
    """
    classifier = _Rescaled(stored["weight"], stored["bias"] if settings["bias"] else None)
    test, test_labels = classifier.products(stored["test_features"]), stored["test_labels"]
    if settings["tau"] is not None:
        logits = classifier.logits(test, settings["tau"])
        return Adjusted(logits, logits, _choice(settings["tau"], settings["tau"], [], [], 0))
    held_out, labels = classifier.products(stored["held_out_features"]), stored["held_out_labels"]
    if len(labels) == 0:
        raise InputError(
            "post_hoc tau_norm has nothing to choose tau on, since the data set is used whole and no training image "
            "is left over: set `tau` of the method to a number"
        )
    accuracies = [mean_class_accuracy(classifier.logits(held_out, tau), labels) for tau in GRID]
    hits = [np.count_nonzero(classifier.logits(test, tau).argmax(axis=1) == test_labels) for tau in GRID]
    last, best = GRID[accuracies.index(max(accuracies))], GRID[hits.index(max(hits))]
    choice = _choice(last, best, GRID, accuracies, len(labels))
    return Adjusted(classifier.logits(test, last), classifier.logits(test, best), choice)


def classifier(settings: Mapping[str, Any], chosen: Mapping[str, Any], stage1: Stage1Classifier) -> Affine:
    """z_k = w_k·x / ‖w_k‖^τ (+ b_k)."""
    none = np.zeros_like(stage1.bias)
    scale = _Rescaled(stage1.weight, None).scale(chosen["tau"])
    return Affine(stage1.weight, none, scale, stage1.bias if settings["bias"] else none)


def mean_class_accuracy(logits: Floats, labels: NDArray[np.int64]) -> Fraction:
    """Mean accuracy of the classes in `labels` [N]; exact, so that equal means compare as equal."""
    classes, counts = np.unique(labels, return_counts=True)
    hits = np.bincount(labels[logits.argmax(axis=1) == labels], minlength=logits.shape[1])[classes]
    shares = (Fraction(hit, count) for hit, count in zip(hits.tolist(), counts.tolist(), strict=True))
    return sum(shares, Fraction()) / len(classes)


class _Rescaled:
    """A linear classifier whose rows are divided by a power of their length; one product serves all powers."""

    def __init__(self, weight: Floats, bias: Floats | None) -> None:
        self.weight = weight
        self.bias = bias
        self.lengths = np.linalg.norm(weight.astype(np.float64), axis=1)
        unusable = np.flatnonzero(~((self.lengths > 0) & np.isfinite(self.lengths)))
        if len(unusable):
            raise InputError(
                f"post_hoc tau_norm cannot divide by the length of the Stage-1 weights of class {unusable[0]}, which "
                "are all 0 or not finite: train Stage 1 again"
            )

    def products(self, features: Floats) -> Floats:
        """Wx [N, K]."""
        products: Floats = features @ self.weight.T
        return products

    def logits(self, products: Floats, tau: float) -> Floats:
        """Logits [N, K] for one τ from these products."""
        logits: Floats = products * self.scale(tau)
        return logits if self.bias is None else logits + self.bias

    def scale(self, tau: float) -> Floats:
        """1 / ‖w_k‖^τ [K]."""
        scale: Floats = (self.lengths**-tau).astype(np.float32)
        return scale


def _choice(
    last: float, best: float, grid: Sequence[float], accuracies: Sequence[Fraction], images: int
) -> dict[str, Any]:
    held_out = {"held_out": [float(accuracy) for accuracy in accuracies], "held_out_images": images}
    return {"last": {"tau": last}, "best": {"tau": best}, "grid": list(grid)} | held_out
