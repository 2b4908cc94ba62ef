"""Groups of classes by their training images, for data sets of any size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.evaluate.scores import FEW_BELOW, MANY_ABOVE, Integers, shot_groups

NAMES = {
    "many": f"Many (> {MANY_ABOVE})",
    "medium": f"Medium ({FEW_BELOW}–{MANY_ABOVE})",
    "few": f"Few (< {FEW_BELOW})",
}


@dataclass(frozen=True, eq=False)
class Group:
    """Classes with about as many training images: its name with their range, and which classes it holds [K]."""

    name: str
    classes: NDArray[np.bool_]


def class_groups(train_counts: Integers, tested: NDArray[np.bool_]) -> list[Group]:
    """The groups of the classes [K] that have test images, those with most training images first.

    They are the many-, medium- and few-shot classes of the papers where at least two of these groups hold a class,
    else head, medium and tail: the classes in three parts by their training images, equally large ones together.
    Empty where all classes have the same number of training images.
    """
    shots = shot_groups(train_counts)
    found = [Group(NAMES[name], classes & tested) for name, classes in shots.items() if (classes & tested).any()]
    return found if len(found) > 1 else _thirds(train_counts, tested)


def _thirds(train_counts: Integers, tested: NDArray[np.bool_]) -> list[Group]:
    sizes = np.sort(train_counts[tested])
    if len(sizes) == 0 or sizes[0] == sizes[-1]:
        return []
    third = max(1, round(len(sizes) / 3))
    # The smallest classes are never head classes, however many of equal size there are.
    head = tested & (train_counts >= max(sizes[-third], sizes[sizes > sizes[0]][0]))
    tail = tested & ~head & (train_counts <= sizes[third - 1])
    parts = {"Head": head, "Medium": tested & ~head & ~tail, "Tail": tail}
    return [
        Group(f"{name} ({_span(train_counts[classes])})", classes) for name, classes in parts.items() if classes.any()
    ]


def _span(sizes: Integers) -> str:
    low, high = int(sizes.min()), int(sizes.max())
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
