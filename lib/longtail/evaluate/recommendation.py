"""Which methods to take: those that nothing shows to be less accurate or less calibrated than the best."""

from collections.abc import Sequence
from dataclasses import dataclass

from longtail.evaluate.standing import Standing


@dataclass(frozen=True)
class Recommendation:
    """`both`: methods that are not shown to be worse than the best, neither in accuracy nor in calibration.

    `front`: the methods than which none is better in both by the estimates. Both lists have the most accurate first.
    """

    both: Sequence[int]
    front: Sequence[int]

    @property
    def shown(self) -> Sequence[int]:
        """The methods to look at more closely: those that are good at both; else, the two ends of the front."""
        return self.both or list(dict.fromkeys([self.front[0], self.front[-1]]))


def recommend(accuracy: Standing, calibration: Standing) -> Recommendation:
    """The methods to take by two standings of the same methods. With several good at both, those of the front first.

    The front is that of Pareto: no other method is at least as good in both and better in one.
    """
    front = [method for method in accuracy.order if not _is_dominated(method, accuracy, calibration)]
    best = [{standing.first, *standing.tied} for standing in (accuracy, calibration)]
    both = [method for method in accuracy.order if all(method in group for group in best)]
    return Recommendation(sorted(both, key=lambda method: method not in front), front)


def _is_dominated(method: int, *standings: Standing) -> bool:
    """Whether another method is at least as good by all standings, and better by one."""

    def ahead(other: int) -> list[float]:
        values = [(standing.criterion.sign, standing.estimates) for standing in standings]
        return [sign * (estimates[other].value - estimates[method].value) for sign, estimates in values]

    others = (ahead(other) for other in standings[0].order if other != method)
    return any(min(gains) >= 0 and max(gains) > 0 for gains in others)
