"""The test predictions of one network, and the arrays that several metrics read of them, each computed once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from longtail.evaluate import calibration, scores
from longtail.evaluate.calibration import ReliabilityBins
from longtail.evaluate.scores import Floats, Integers, Logits
from longtail.runtime.errors import InputError

# Values [N] of `Predictions` that stay what they are when other images are left out or counted twice.
PER_IMAGE = ("confidence", "correct", "nll", "brier")


@dataclass(frozen=True, eq=False)
class Predictions:
    """Logits [N, K] and labels [N] of N test images, and the number of confidence bins.

    `train_counts` [K] are the training images per class, or None where no requested metric needs the class sizes.
    Use `checked` for input that may be wrong.
    """

    logits: Logits
    labels: Integers
    bins: int
    train_counts: Integers | None = None

    @cached_property
    def probabilities(self) -> Floats:
        """Softmax of the logits [N, K]."""
        return scores.softmax(self.logits)

    @cached_property
    def confidence(self) -> Floats:
        """Probability of the predicted class [N]."""
        confidence: Floats = self.probabilities.max(axis=1)
        return confidence

    @cached_property
    def correct(self) -> Floats:
        """1.0 where the predicted class is the true one, else 0.0 [N]."""
        return scores.correct_per_image(self.logits, self.labels)

    @cached_property
    def nll(self) -> Floats:
        """−log p(true class) [N] in nats."""
        return scores.nll_per_image(self.logits, self.labels)

    @cached_property
    def brier(self) -> Floats:
        """Squared distance of the probabilities from the true class [N], in 0..2."""
        return scores.brier_per_image(self.probabilities, self.labels)

    @cached_property
    def per_class(self) -> Floats:
        """Accuracy of each class on its own test images [K]; NaN for a class without test images."""
        return scores.per_class_accuracy(self.logits, self.labels)

    @cached_property
    def class_sizes(self) -> Integers:
        """Training images per class [K]; InputError where they are not known."""
        if self.train_counts is None:
            raise InputError("a metric needs the training images per class: pass train_counts with the predictions.")
        return self.train_counts

    @cached_property
    def groups(self) -> dict[str, float | None]:
        """Mean accuracy of the many-, medium- and few-shot classes; None for a group without test images."""
        return scores.group_accuracy(self.per_class, self.class_sizes)

    @cached_property
    def diagram(self) -> ReliabilityBins:
        """The reliability diagram with `bins` bins."""
        return calibration.reliability_bins(self.confidence, self.correct, self.bins)

    def rows(self, pick: NDArray[np.int64]) -> "Predictions":
        """The predictions for some test images, which may be picked several times.

        What is computed already for each image is picked as well.
        """
        picked = Predictions(self.logits[pick], self.labels[pick], self.bins, self.train_counts)
        vars(picked).update({name: vars(self)[name][pick] for name in PER_IMAGE if name in vars(self)})
        return picked


def checked(logits: ArrayLike, labels: ArrayLike, bins: int, train_counts: ArrayLike | None = None) -> Predictions:
    """The predictions that some arrays hold.

    Raises InputError on non-finite logits, shapes that do not fit, labels outside 0..K−1 or an empty test set.
    """
    logits, labels = np.asarray(logits), np.asarray(labels)
    if logits.ndim != 2 or logits.shape[1] < 1:
        raise InputError(f"logits has shape {logits.shape}, but must be [test images, classes].")
    n, num_classes = logits.shape
    if n == 0:
        raise InputError("logits and labels hold no test image: check that the test split is not empty.")
    if labels.shape != (n,):
        raise InputError(f"labels has shape {labels.shape}, but logits of {n} images need labels of shape ({n},).")
    _check_integers("labels", labels)
    if labels.min() < 0 or labels.max() >= num_classes:
        raise InputError(
            f"labels run from {labels.min()} to {labels.max()}, but logits of {num_classes} classes "
            f"allow 0..{num_classes - 1}: logits and labels come from different data sets."
        )
    broken = np.count_nonzero(~np.isfinite(logits).all(axis=1))
    if broken:
        raise InputError(f"logits of {broken} of {n} images are not finite: the run diverged, so train it again.")
    if train_counts is not None:
        train_counts = np.asarray(train_counts)
        if train_counts.shape != (num_classes,):
            raise InputError(
                f"train_counts has shape {train_counts.shape}, but logits have {num_classes} classes: "
                "give one train count per class."
            )
        _check_integers("train_counts", train_counts)
    return Predictions(logits, labels, bins, train_counts)


def _check_integers(name: str, array: NDArray[Any]) -> None:
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"{name} must be integers, not {array.dtype}: cast it where it is written.")
