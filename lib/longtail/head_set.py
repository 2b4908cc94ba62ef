"""Which classes of a long-tailed set are head classes. Needs only NumPy, since figures use it without torch."""

import numpy as np
from numpy.typing import NDArray

from longtail.runtime.errors import InputError


def choose(counts: list[int], rule: str, size: float) -> NDArray[np.int64]:
    """Indices [H] of the head classes, largest class first; of equally large classes the lower index comes first.

    `share`: the fewest classes that together hold at least the share `size` of all images (LADC, implementation
    details). `top_k`: the `size` largest. Raises InputError when that leaves no head or no tail class.
    """
    images = np.array(counts)
    largest_first = np.argsort(-images, kind="stable")
    if rule == "top_k":
        if size < 1 or size != int(size):
            raise InputError(
                f"head_size is {size:g}, but head_rule 'top_k' counts classes: write a whole number from 1 to "
                f"{len(counts) - 1}, or choose head_rule 'share'"
            )
        number = int(size)
    else:
        number = 1 + int(np.sum(np.cumsum(images[largest_first]) / images.sum() < size))
    if not images[largest_first[number:]].any():
        raise InputError(
            f"head_size is {size:g}, which with head_rule '{rule}' makes every class a head class and leaves no tail "
            "class: lower it"
        )
    return largest_first[:number]
