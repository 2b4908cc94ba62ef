"""Accuracy (overall, per class, per shot group) and two proper scoring rules (NLL, Brier)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]
Logits = NDArray[np.floating[Any]]

# LADC (AAAI 2022), Table 7: the thresholds are train images per class, both medium ends included.
MANY_ABOVE = 100
FEW_BELOW = 20


def softmax(logits: Logits) -> Floats:
    """Class probabilities [N, K] in float64 of logits [N, K]; any finite logits are safe."""
    probabilities = np.array(logits, dtype=np.float64)
    probabilities -= probabilities.max(axis=1, keepdims=True)
    np.exp(probabilities, out=probabilities)  # in place: iNaturalist is 24,426 × 8,142, 1.6 GB a copy
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


def correct_per_image(logits: Logits, labels: Integers) -> Floats:
    """1.0 where the largest logit is the true class, else 0.0, [N]; a tie goes to the lower class index.

    Of the logits, not of probabilities: two logits that differ may round to one probability.
    """
    correct: Floats = (logits.argmax(axis=1) == labels).astype(np.float64)
    return correct


def per_class_accuracy(logits: Logits, labels: Integers) -> Floats:
    """Accuracy [K] of each class on its own test images (recall); NaN for a class without test images."""
    num_classes = logits.shape[1]
    shown = np.bincount(labels, minlength=num_classes)
    hit = np.bincount(labels[logits.argmax(axis=1) == labels], minlength=num_classes)
    accuracy: Floats = np.divide(hit, shown, out=np.full(num_classes, np.nan), where=shown > 0)
    return accuracy


def shot_groups(train_counts: Integers) -> dict[str, NDArray[np.bool_]]:
    """Which classes [K] are many-, medium- and few-shot by their train images: n > 100, 20..100, n < 20."""
    many, few = train_counts > MANY_ABOVE, train_counts < FEW_BELOW
    return {"many": many, "medium": ~many & ~few, "few": few}


def group_accuracy(per_class: Floats, train_counts: Integers) -> dict[str, float | None]:
    """Mean of the per-class accuracies [K] in each shot group (LADC, Table 7).

    A class without test images (NaN) is left out; a group that then holds no class is None.
    """
    tested = ~np.isnan(per_class)
    return {
        name: float(per_class[group & tested].mean()) if (group & tested).any() else None
        for name, group in shot_groups(train_counts).items()
    }


def nll_per_image(logits: Logits, labels: Integers) -> Floats:
    """−log p(true class) [N] in nats, from the logits: the probability itself may underflow to 0."""
    shifted = np.array(logits, dtype=np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    of_true_class = shifted[np.arange(len(labels)), labels]
    np.exp(shifted, out=shifted)
    nll: Floats = np.log(shifted.sum(axis=1)) - of_true_class
    return nll


def brier_per_image(probabilities: Floats, labels: Integers) -> Floats:
    """Σ_k (p_k − 1[k = true class])² [N], between 0 and 2 (Brier 1950: not halved)."""
    of_true_class = probabilities[np.arange(len(labels)), labels]
    squares = np.einsum("nk,nk->n", probabilities, probabilities)
    score: Floats = squares - of_true_class**2 + (1.0 - of_true_class) ** 2
    return score
