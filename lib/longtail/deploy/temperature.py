"""The temperature that calibrates logits: softmax(z / T) of the lowest NLL on validation data (Guo et al. 2017)."""

import math

import numpy as np
from numpy.typing import NDArray

from longtail.evaluate import scores

# Outside of these, the logits say nothing about the classes or are never wrong: no temperature is the best one.
SMALLEST, LARGEST = 1e-2, 1e2
HALVINGS = 60


def fitted(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float | None:
    """The T that minimises the NLL of logits [N, K] with labels [N]; None if there is none between 1/100 and 100.

    The NLL is convex in 1/T, so its derivative, mean(Σ_k p_k·z_k − z_y), is halved down to its zero.
    """
    values = logits.astype(np.float64)
    of_true_class = values[np.arange(len(labels)), labels]

    def slope(log_t: float) -> float:
        probabilities = scores.softmax(values / math.exp(log_t))
        return float(((probabilities * values).sum(1) - of_true_class).mean())

    low, high = math.log(SMALLEST), math.log(LARGEST)
    # The derivative by 1/T is positive where T is too small.
    if not (slope(low) > 0 > slope(high)):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return math.exp((low + high) / 2)


def nll(logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float) -> float:
    """Mean of −log p_y in nats, p = softmax(z / T)."""
    return float(scores.nll_per_image(logits.astype(np.float64) / temperature, labels).mean())
