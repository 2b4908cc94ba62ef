"""What a page says in sentences: which method to take, what is distinguishable, and what to keep in mind."""

from collections.abc import Sequence

import numpy as np

from longtail.evaluate.columns import Metric
from longtail.evaluate.ranking import BALANCED, ECE, TOP1, WORST
from longtail.evaluate.standing import Comparison, Estimate, Standing
from longtail.report.origin import DAGGER
from longtail.report.ranking.ranked import Ranked

BY = {
    "top1": "accuracy",
    "balanced": "balanced accuracy",
    "worst_group": "accuracy on the worst group",
    "ece": "calibration error (ECE)",
    "nll": "negative log-likelihood (NLL)",
}
NAMED = 3  # methods that are named where they are worse; the tables have all
FEW_IMAGES = 10  # below, one image moves the accuracy of a class by more than a tenth


def listed(names: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def number(criterion: Metric, value: float) -> str:
    """A value in the unit of its criterion, without it."""
    return criterion.text(criterion.in_unit(value))


def estimate(criterion: Metric, found: Estimate) -> str:
    """`47.0 [46.1, 47.9]`."""
    return f"{number(criterion, found.value)} [{number(criterion, found.low)}, {number(criterion, found.high)}]"


def difference(criterion: Metric, found: Comparison) -> str:
    """`+0.4 [−0.3, +1.1]`."""
    value, low, high = (criterion.signed(criterion.in_unit(end)) for end in (found.difference, found.low, found.high))
    return f"{value} [{low}, {high}]"


def p_value(p: float) -> str:
    """`p = 0.03`, or `p < 0.001`."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def rank(standing: Standing, method: int) -> str:
    """`1 (1–3)`: the place, and the places that the tests leave open."""
    found = standing.ranks[method]
    span = f"{found.low}–{found.high}" if found.low < found.high else f"{found.low}"
    return f"{found.place} ({span})"


def dagger(ranked: Ranked, method: int, criterion: Metric) -> str:
    """The dagger of a number that reads probabilities where the logits were not trained by a softmax."""
    return DAGGER if criterion.of_probabilities and ranked.methods[method].calibration else ""


def recommendation(ranked: Ranked) -> list[str]:
    """Which method to take, and on what grounds."""
    found, names = ranked.recommendation, [method.label for method in ranked.methods]
    accuracy, calibration = ranked.standings[TOP1], ranked.standings[ECE]
    if len(names) == 1:
        return [f"Only {names[0]} has run, so there is nothing to compare it with."]
    if not found.both:
        return [
            "No method is best at both accuracy and calibration.",
            f"If only the class matters, take {_best(ranked, accuracy)}.",
            f"If the probabilities matter, take {_best(ranked, calibration)}.",
            *_between(ranked),
        ]
    first, *others = found.both
    grounds = f"{_place(ranked, accuracy, first)}, and {_place(ranked, calibration, first)}"
    if len(found.both) == len(names):
        return [
            "These runs do not decide: no method is shown to be worse than the most accurate one, nor than the best "
            f"calibrated one. By the numbers alone, {names[first]} is {grounds}."
        ]
    sentences = [f"Take {names[first]}: it is {grounds}."]
    if others:
        sentences.append(
            f"{listed([names[method] for method in others])} {'is' if len(others) == 1 else 'are'} not shown to be "
            "worse in either, so these runs do not decide between them."
        )
        cheapest = min(found.both, key=lambda method: ranked.methods[method].minutes)
        sentences.append(f"Of these, {names[cheapest]} needed least training.")
    else:
        sentences.append("No other method can claim both.")
    return sentences


def _place(ranked: Ranked, standing: Standing, method: int) -> str:
    """What a method that is not shown to be worse than the first is by a criterion."""
    superlative = {TOP1: "the most accurate", ECE: "the best calibrated"}[standing.criterion.name]
    if standing.estimates[method].value == standing.estimates[standing.first].value:
        return superlative
    return f"not distinguishable from {superlative} ({ranked.label(standing.first)})"


def _best(ranked: Ranked, standing: Standing) -> str:
    """The first method, with those that are not distinguishable from it."""
    tied = [ranked.label(method) for method in standing.tied]
    also = f" ({listed(tied)} {'is' if len(tied) == 1 else 'are'} not distinguishable from it)" if tied else ""
    return ranked.label(standing.first) + also


def _between(ranked: Ranked) -> list[str]:
    """The methods of the front that are neither the most accurate nor the best calibrated."""
    ends = {ranked.standings[name].first for name in (TOP1, ECE)}
    inner = [ranked.label(method) for method in ranked.recommendation.front if method not in ends]
    if not inner:
        return []
    lie = "lies" if len(inner) == 1 else "lie"
    return [f"{listed(inner)} {lie} between: by the numbers, no method is better in both."]


def verdict(ranked: Ranked, standing: Standing) -> str:
    """What is distinguishable by one criterion, and what is not."""
    criterion, first = standing.criterion, standing.first
    value = f"{estimate(criterion, standing.estimates[first])}{dagger(ranked, first, criterion)} {criterion.unit}"
    if len(ranked.methods) == 1:
        return f"{ranked.label(first)} has {BY[criterion.name]} {value}."
    lead = f"{ranked.label(first)} is first by {BY[criterion.name]}: {value}."
    tied, worse = standing.tied, standing.worse
    if not tied:
        return f"{lead} Every other method is worse; the closest is {_compared(ranked, standing, worse[0])}."
    closest = _compared(ranked, standing, tied[0])
    if not worse:
        any_other = "any other method; the closest is " if len(tied) > 1 else ""
        return f"{lead} It is not distinguishable from {any_other}{closest}."
    others = [ranked.label(method) for method in tied[1:]]
    said = f"{lead} It is not distinguishable from {listed([closest, *others])}."
    labels = [ranked.label(method) for method in worse]
    if len(labels) > NAMED:
        return f"{said} Every other method is worse."
    return f"{said} {listed(labels)} {'is' if len(labels) == 1 else 'are'} worse."


def _compared(ranked: Ranked, standing: Standing, method: int) -> str:
    """A method with its difference to the first, if they share a seed."""
    found = standing.comparisons.get((standing.first, method))
    if found is None:
        return f"{ranked.label(method)} (no seed in common)"
    return f"{ranked.label(method)} (difference {difference(standing.criterion, found)}, {p_value(found.p)})"


def cautions(ranked: Ranked) -> list[str]:
    """What a reader should keep in mind, of this test set and these runs."""
    return [*_of_seeds(ranked), *_of_classes(ranked), *_of_limits(ranked), *_of_criteria(ranked)]


def _of_seeds(ranked: Ranked) -> list[str]:
    seeds = [len(method.runs) for method in ranked.methods]
    what, accuracy = ranked.what, ranked.standings[TOP1]
    if max(seeds) == 1:
        return [
            f"Each method ran under one seed. Intervals and tests are over test {what} alone: they say nothing about "
            "what another training of the same method would give. More seeds (seeds: {runs: [0, 1, 2]}) would."
        ]
    sentences = []
    if min(seeds) < max(seeds):
        fewer = [method.label for method in ranked.methods if len(method.runs) < max(seeds)]
        sentences.append(
            f"{listed(fewer)} ran under fewer seeds than others; pairs are compared on those they share."
        )
    variances = [found.variance for (one, _), found in accuracy.comparisons.items() if one == accuracy.first]
    over_seeds = sum(variance.seeds for variance in variances)
    if whole := over_seeds + sum(variance.images for variance in variances):
        share = over_seeds / whole
        more = "seeds" if share > 0.5 else f"test {what}"
        sentences.append(
            f"Of the uncertainty in accuracy (variance of the differences to the first), {100 * share:.0f} % comes "
            f"from the seeds and the rest from the test {what}: more {more} would tell methods apart soonest."
        )
    return sentences


def _of_classes(ranked: Ranked) -> list[str]:
    sizes, what, sentences = ranked.examples.sizes, ranked.what, []
    if missing := [ranked.classes[number] for number in np.flatnonzero(sizes == 0).tolist()]:
        shown = listed(missing) if len(missing) <= 5 else f"{len(missing)} classes"
        have, them = ("have", "them") if len(missing) > 1 else ("has", "it")
        sentences.append(f"{shown} {have} no test {what}, so no number on this page says anything about {them}.")
    tested = sizes[sizes > 0]
    if few := int((tested < FEW_IMAGES).sum()):
        sentences.append(
            f"{few} of {len(tested)} classes {'has' if few == 1 else 'have'} fewer than {FEW_IMAGES} test {what}. "
            "What is said of single classes is rough there, and so are means over classes."
        )
    return sentences


def _of_limits(ranked: Ranked) -> list[str]:
    n, accuracy = len(ranked.examples.labels), ranked.standings[TOP1]
    perfect = [ranked.label(method) for method in accuracy.order if accuracy.estimates[method].value == 1]
    if not perfect:
        return []
    verb = "makes" if len(perfect) == 1 else "make"
    return [
        f"{listed(perfect)} {verb} no mistake on the {n} test {ranked.what}, so the interval has no width. With so "
        f"many {ranked.what} an error rate of up to {300 / n:.2g} % is possible."
    ]


def _of_criteria(ranked: Ranked) -> list[str]:
    sentences, tested = [], ranked.examples.sizes[ranked.examples.sizes > 0]
    if BALANCED not in ranked.standings:
        sentences.append(
            f"All classes have equally many test {ranked.what} ({tested[0]}), so balanced accuracy is accuracy."
        )
    if WORST not in ranked.standings:
        sentences.append(
            f"All classes have the same number of training {ranked.what}, so there are no groups and no worst one."
        )
    if ranked.what == "images":
        sentences.append(
            "Test images count as independent of each other. If several show the same object, as frames of one video "
            "do, all intervals are too narrow."
        )
    if len(ranked.methods) > 1:
        sentences.append(
            f"The first method was chosen on these test {ranked.what}, so its own number is a little too good."
        )
    return sentences


def made(ranked: Ranked) -> list[str]:
    """How the numbers are made, briefly; docs/which-method.md has the details."""
    sizes, what, groups = ranked.examples.sizes, ranked.what, ranked.examples.groups
    tests = len(ranked.methods) * (len(ranked.methods) - 1) // 2
    sentences = [
        f"All numbers are means over seeds, of the last epoch, on {len(ranked.examples.labels):,} test {what} of "
        f"{np.count_nonzero(sizes)} classes. Accuracies and ECE are in %, and lower is better for ECE "
        f"({ranked.table['evaluation']['bins']} bins) and NLL."
    ]
    if BALANCED in ranked.standings:
        sentences.append("Balanced accuracy is the mean over classes of the accuracy of each class.")
    if WORST in ranked.standings:
        names = ", ".join(group.name for group in groups)
        sentences.append(
            f"The worst group is the one on which a network is least accurate (mean over its classes), of these by "
            f"training {what}: {names}."
        )
    sentences.append(
        f"Intervals are 95 %. They cover other test {what} (bootstrap within classes, "
        f"{ranked.table['evaluation']['resamples']:,} draws) and other seeds where there are several."
    )
    if tests:
        sentences.append(
            f"Two methods are distinguishable where p is below 0.05: a paired t test on the same test {what} and "
            f"seeds, corrected for the number of pairs ({tests} for each criterion, Holm's method). The interval of "
            "a difference is of that pair alone, so it may leave out 0 where p is above 0.05."
        )
        sentences.append(
            "Behind a rank stand the ranks that the tests leave open: 2 (1–4) is second by the numbers, and anything "
            "from first to fourth."
        )
    return sentences
