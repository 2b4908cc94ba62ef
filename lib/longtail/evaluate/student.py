"""Student's t distribution: tail probability and quantile, for any degrees of freedom.

SciPy has both, but the environment of the jobs that score and draw does without it.
"""

import math

import numpy as np

LARGEST = 1000.0  # degrees of freedom; beyond, the quantiles differ from those of a normal by less than 0.1 %
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


def two_sided(t: float, freedom: float) -> float:
    """The probability that |T| is at least |t| under `freedom` ≥ 1 degrees of freedom.

    With T = √ν·tan θ the density is cos^(ν−1) θ up to its integral, so the tail is an integral over [θ, π/2].
    """
    if math.isinf(t):
        return 0.0
    power = min(freedom, LARGEST) - 1
    start, end = math.atan(abs(t) / math.sqrt(power + 1)), math.pi / 2
    angles = start + (end - start) * (_NODES + 1) / 2
    tail = float(_WEIGHTS @ np.cos(angles) ** power) * (end - start) / 2
    whole = math.sqrt(math.pi) / 2 * math.exp(math.lgamma((power + 1) / 2) - math.lgamma(power / 2 + 1))
    return min(1.0, tail / whole)


def quantile(freedom: float, level: float) -> float:
    """The t that |T| stays below with probability `level`, by bisection."""
    low, high = 0.0, 1e6
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, freedom) > 1 - level else (low, middle)
    return (low + high) / 2
