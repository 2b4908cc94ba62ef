"""The smoothing factors of label-aware smoothing. Needs only NumPy, since figures use it without torch."""

import numpy as np
import numpy.typing as npt

from longtail.runtime.errors import InputError

FORMS = ("concave", "linear", "convex")


def smoothing(counts: npt.ArrayLike, head: float, tail: float, form: str) -> npt.NDArray[np.float64]:
    """Smoothing factor ε_y of every class, from its number of training images N_y.

    The largest class gets ``head`` (ε_1), the smallest ``tail`` (ε_K), and ``form`` interpolates between them.
    ``counts`` is (K,) in any order. If all classes have the same count, N_1 - N_K = 0 and the formulas are
    undefined: every class then counts as the largest and gets ``head``.
    Raises InputError for an unknown form, no classes, a count below 1, or a factor outside [0, 1).
    Source: MiSLAS (CVPR 2021), slide 9.
    """
    n = np.asarray(counts, dtype=np.float64)
    if form not in FORMS:
        raise InputError(f"smoothing form {form!r} is unknown; use one of {', '.join(FORMS)}.")
    if n.ndim != 1 or n.size == 0 or not (n >= 1).all():
        raise InputError(
            "smoothing counts must be a flat list with at least 1 image in every class; correct the counts."
        )
    if not (0 <= head < 1 and 0 <= tail < 1):
        raise InputError(
            f"smoothing factors head={head} and tail={tail} must lie in [0, 1); correct the method's config."
        )
    largest, smallest = n.max(), n.min()
    if largest == smallest:
        return np.full(n.shape, float(head))
    position = (n - smallest) / (largest - smallest)  # 0 for the smallest class, 1 for the largest
    factors: npt.NDArray[np.float64]
    if form == "concave":
        factors = tail + (head - tail) * np.sin(np.pi / 2 * position)
    elif form == "linear":
        factors = tail + (head - tail) * position
    else:
        factors = head + (head - tail) * np.sin(3 * np.pi / 2 + np.pi / 2 * position)
    return factors
