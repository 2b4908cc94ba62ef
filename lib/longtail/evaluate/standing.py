"""Methods in order by one criterion: intervals over seeds and test images, paired tests, and ranks.

Two things move a number: other test images and other trainings. The first is bootstrapped with the networks fixed
(`stratified`), the second is the variance over seeds on the test images as they are. Both are added, and an interval
is the estimate ± t standard errors, where t has the degrees of freedom of Satterthwaite (1946): few seeds make it
large only as far as they matter beside the test images. Under one seed, only test images are in it.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from longtail.evaluate import student
from longtail.evaluate.bootstrap import LEVEL
from longtail.evaluate.columns import Metric
from longtail.evaluate.ranking import OF_ANSWERS, Network
from longtail.evaluate.scores import Floats

SIGNIFICANT = 1 - LEVEL

Runs = Mapping[int, Network]  # of one method, by seed


@dataclass(frozen=True)
class Variance:
    """The variance of a mean over seeds: over test images and over seeds, with the degrees of freedom of each."""

    images: float
    images_freedom: float
    seeds: float
    seeds_freedom: float

    @property
    def error(self) -> float:
        """The standard error."""
        return math.sqrt(self.images + self.seeds)

    @property
    def freedom(self) -> float:
        """Satterthwaite's degrees of freedom of the sum."""
        parts = ((self.images, self.images_freedom), (self.seeds, self.seeds_freedom))
        below = sum((part / (self.images + self.seeds)) ** 2 / freedom for part, freedom in parts if part)
        return max(1.0, 1 / below)

    def interval(self, value: float) -> tuple[float, float]:
        """95 % interval of a value."""
        if self.error == 0:
            return value, value
        reach = student.quantile(self.freedom, LEVEL) * self.error
        return value - reach, value + reach

    def p(self, value: float) -> float:
        """Two-sided p of a value against 0; 1 where nothing varies, as then nothing can be tested."""
        return student.two_sided(value / self.error, self.freedom) if self.error > 0 else 1.0


@dataclass(frozen=True)
class Estimate:
    """A criterion of a method: its mean over seeds, the 95 % interval, the number of seeds, and their deviation."""

    value: float
    low: float
    high: float
    seeds: int
    deviation: float | None


@dataclass(frozen=True)
class Comparison:
    """One method − another over the seeds they share, with its 95 % interval; `p` counts all pairs (Holm)."""

    difference: float
    low: float
    high: float
    p: float
    variance: Variance

    @property
    def is_shown(self) -> bool:
        """Whether one of the two is shown to be better."""
        return self.p < SIGNIFICANT


@dataclass(frozen=True)
class Rank:
    """A place by the estimates, and the places that the tests leave open, `low` the better end."""

    place: int
    low: int
    high: int


@dataclass(frozen=True)
class Standing:
    """Methods by one criterion. `order` has the best first; `comparisons` has each pair both ways round."""

    criterion: Metric
    estimates: Sequence[Estimate]
    order: Sequence[int]
    comparisons: Mapping[tuple[int, int], Comparison]
    ranks: Sequence[Rank]

    @property
    def first(self) -> int:
        """The best method by the estimates."""
        return self.order[0]

    def is_better(self, one: int, other: int) -> bool:
        """Whether a method is shown to be better than another."""
        compared = self.comparisons.get((one, other))
        return compared is not None and compared.is_shown and self.criterion.sign * compared.difference > 0

    @property
    def tied(self) -> list[int]:
        """The methods that are not shown to be worse than the first, which is not among them; the closest first."""
        return [method for method in self.order[1:] if not self.is_better(self.first, method)]

    @property
    def worse(self) -> list[int]:
        """The methods that are shown to be worse than the first; the closest first."""
        return [method for method in self.order[1:] if self.is_better(self.first, method)]


def standing(methods: Sequence[Runs], criterion: Metric) -> Standing:
    """The methods in order by a criterion, each given by its networks under at least one seed.

    Every pair is tested on the seeds and test images that both share, and p corrected for the number of pairs by
    Holm's method (1979): then it does not matter that the first method was chosen by the same numbers. The interval
    of a rank follows from these tests: as many methods are ahead as are shown to be better, and as many behind as are
    shown to be worse (Mogstad, Romano, Shaikh & Wilhelm 2024).
    Two or three seeds say little about how much one method varies, and of many pairs some vary little by chance. So
    the variance over seeds is that which is typical of all methods (for differences, of all pairs), or that of the
    method (or pair) itself where it is larger.
    """
    estimates = _estimates(methods, criterion)
    order = sorted(range(len(methods)), key=lambda method: -criterion.sign * estimates[method].value)
    comparisons = _comparisons(methods, criterion)
    found = Standing(criterion, estimates, order, comparisons, [])
    return Standing(criterion, estimates, order, comparisons, [_rank(found, m) for m in range(len(methods))])


def holm(p_values: Sequence[float]) -> list[float]:
    """p values of several tests, each corrected for their number by Holm's step-down method (1979)."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for step, test in enumerate(sorted(range(len(p_values)), key=lambda test: p_values[test])):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[test]))
        corrected[test] = largest
    return corrected


def _rank(found: Standing, method: int) -> Rank:
    others = [other for other in range(len(found.estimates)) if other != method]
    sign, values = found.criterion.sign, [estimate.value for estimate in found.estimates]
    place = 1 + sum(sign * values[other] > sign * values[method] for other in others)
    low = 1 + sum(found.is_better(other, method) for other in others)
    high = 1 + len(others) - sum(found.is_better(method, other) for other in others)
    return Rank(place, low, high)


def _estimates(methods: Sequence[Runs], criterion: Metric) -> list[Estimate]:
    name = criterion.name
    values = [np.array([run.values[name] for run in runs.values()]) for runs in methods]
    freedom = float(sum(len(each) - 1 for each in values))
    found = []
    for runs, each, seeds in zip(methods, values, _over_seeds(values), strict=True):
        drawn = np.mean([run.drawn[name] for run in runs.values()], axis=0)
        images = len(next(iter(runs.values())).correct)
        variance = Variance(_variance(drawn), max(1.0, images - 1), seeds, freedom)
        value = float(each.mean())
        low, high = variance.interval(value)
        high = min(high, 1.0) if criterion.unit == "%" else high
        deviation = float(each.std(ddof=1)) if len(each) > 1 else None
        found.append(Estimate(value, max(low, 0.0), high, len(each), deviation))
    return found


def _comparisons(methods: Sequence[Runs], criterion: Metric) -> dict[tuple[int, int], Comparison]:
    name = criterion.name
    pairs = {
        (a, b): sorted(methods[a].keys() & methods[b].keys())
        for a, b in itertools.combinations(range(len(methods)), 2)
    }
    pairs = {pair: shared for pair, shared in pairs.items() if shared}
    differences = [
        np.array([methods[a][seed].values[name] - methods[b][seed].values[name] for seed in shared])
        for (a, b), shared in pairs.items()
    ]
    # (M − 1)(S − 1) in a table where all methods have S seeds, as for the residual of methods x seeds.
    freedom = sum(len(runs) - 1 for runs in methods) * (len(methods) - 1) / len(methods)
    measured = []
    for ((a, b), shared), each, seeds in zip(pairs.items(), differences, _over_seeds(differences), strict=True):
        drawn = np.mean([methods[a][seed].drawn[name] - methods[b][seed].drawn[name] for seed in shared], axis=0)
        images = (
            _telling(methods[a], methods[b], shared) if name in OF_ANSWERS else len(methods[a][shared[0]].correct)
        )
        variance = Variance(_variance(drawn), max(1.0, images - 1), seeds, freedom)
        measured.append((float(each.mean()), variance))
    corrected = holm([variance.p(difference) for difference, variance in measured])
    comparisons = {}
    for (a, b), (difference, variance), p in zip(pairs, measured, corrected, strict=True):
        low, high = variance.interval(difference)
        comparisons[a, b] = Comparison(difference, low, high, p, variance)
        comparisons[b, a] = Comparison(-difference, -high, -low, p, variance)
    return comparisons


def _over_seeds(values: Sequence[Floats]) -> list[float]:
    """The variance of each mean over seeds; 0 where no method has a second seed.

    It is the typical variance, or its own where that is larger. The typical one is the median, divided by the median
    of chi²/d (Wilson & Hilferty 1931), so that one unstable method does not blur all others; of fewer than three it
    is the mean.
    """
    own = {number: float(each.var(ddof=1)) for number, each in enumerate(values) if len(each) > 1}
    if not own:
        return [0.0] * len(values)
    typical = float(np.mean(list(own.values())))
    if len(own) > 2:
        typical = float(np.median([var / (1 - 2 / (9 * (len(values[n]) - 1))) ** 3 for n, var in own.items()]))
    return [max(typical, own.get(number, 0.0)) / len(each) for number, each in enumerate(values)]


def _variance(drawn: Floats) -> float:
    return float(drawn.var(ddof=1)) if len(drawn) > 1 else 0.0


def _telling(one: Runs, other: Runs, shared: Sequence[int]) -> int:
    """The number of test images that the two do not answer alike, right or wrong: they alone tell them apart."""
    apart = np.sum([one[seed].correct - other[seed].correct for seed in shared], axis=0)
    return int(np.count_nonzero(apart))
