"""Which classes are taken for which others, and how often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from longtail.evaluate.ranking import Examples, Network


@dataclass(frozen=True)
class Confusion:
    """Test images of one class that are taken for another: their number as a mean over networks, and of how many."""

    true: int
    predicted: int
    count: float
    size: int

    @property
    def rate(self) -> float:
        """The share of the class that is taken for the other."""
        return self.count / self.size


def confusions(examples: Examples, networks: Sequence[Network]) -> list[Confusion]:
    """Every pair of classes of which some network takes the first for the second, the most frequent one first."""
    classes = len(examples.sizes)
    wrong = [network.predicted != examples.labels for network in networks]
    pairs = [
        examples.labels[at].astype(np.int64) * classes + network.predicted[at]
        for at, network in zip(wrong, networks, strict=True)
    ]
    found, counts = np.unique(np.concatenate(pairs), return_counts=True)
    listed = [
        Confusion(pair // classes, pair % classes, count / len(networks), int(examples.sizes[pair // classes]))
        for pair, count in zip(found.tolist(), counts.tolist(), strict=True)
    ]
    return sorted(listed, key=lambda confusion: -confusion.count)


def by_rate(listed: Sequence[Confusion], at_least: float = 2) -> list[Confusion]:
    """The same by the share of the class, without those of fewer images than `at_least`: one image of two is no half.

    All of them where none is left.
    """
    kept = [confusion for confusion in listed if confusion.count >= at_least] or listed
    return sorted(kept, key=lambda confusion: (-confusion.rate, -confusion.count))
