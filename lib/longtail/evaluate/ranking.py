"""What methods are ranked by: criteria of networks on one test set, and how they move on other test images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from longtail import results
from longtail.evaluate import protocols, stratified
from longtail.evaluate.calibration import bin_index
from longtail.evaluate.class_groups import Group, class_groups
from longtail.evaluate.columns import METRICS, Metric
from longtail.evaluate.predictions import checked
from longtail.evaluate.scores import Floats, Integers
from longtail.runtime.errors import InputError

# The epoch that is ranked: the best one was chosen on the test images, which would favour methods that vary more.
PROTOCOL = "last"
TOP1, BALANCED, WORST, ECE, NLL = "top1", "balanced", "worst_group", "ece", "nll"
# Balanced accuracy and the worst group are no metrics of metrics.json: the groups depend on the test set, too.
CRITERIA: dict[str, Metric] = {
    TOP1: replace(METRICS["top1"], label="Accuracy"),
    BALANCED: Metric(name=BALANCED, label="Balanced accuracy", unit="%", digits="tenths", better="higher"),
    WORST: Metric(name=WORST, label="Worst group", unit="%", digits="tenths", better="higher"),
    ECE: METRICS["ece"],
    NLL: METRICS["nll"],
}
# Criteria that count right and wrong answers alone.
OF_ANSWERS = (TOP1, BALANCED, WORST)


@dataclass(frozen=True, eq=False)
class Examples:
    """The test images: their classes [N], and the training images of each class [K]."""

    labels: Integers
    train_counts: Integers

    @cached_property
    def sizes(self) -> Integers:
        """Test images of each class [K]."""
        return np.bincount(self.labels, minlength=len(self.train_counts))

    @cached_property
    def groups(self) -> list[Group]:
        """The classes in groups by their training images."""
        return class_groups(self.train_counts, self.sizes > 0)

    @cached_property
    def criteria(self) -> dict[str, Metric]:
        """The criteria that say something here.

        With equally many test images of each class, balanced accuracy is accuracy; without groups, none is the worst.
        """
        tested = self.sizes[self.sizes > 0]
        kept = {TOP1, ECE, NLL} | ({BALANCED} if len(set(tested)) > 1 else set())
        kept |= {WORST} if len(self.groups) > 1 else set()
        return {name: criterion for name, criterion in CRITERIA.items() if name in kept}


@dataclass(frozen=True, eq=False)
class Network:
    """A network's answers [N], their probabilities [N], and its criteria: on the test set, and on resamples [R]."""

    predicted: Integers
    correct: Floats
    confidence: Floats
    values: Mapping[str, float]
    drawn: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Measured:
    """Networks by the names of the files with their logits, all on the same test images."""

    examples: Examples
    networks: Mapping[str, Network]


def measure(paths: Sequence[str], train_counts: Sequence[int], bins: int, resamples: int, seed: int = 0) -> Measured:
    """The criteria of networks, by the names of their files of logits, all on the same resamples of the test set.

    Logits are read one file after the other. Raises InputError for no path, a file that is not whole, logits that
    `predictions.checked` refuses, test images that differ or stand in another order, and resamples < 1.
    """
    if not paths:
        raise InputError("there is no network to rank: name a method that can run")
    answers: dict[str, _Answers] = {}
    for path in paths:
        stored = protocols.load(path)
        found = checked(stored[PROTOCOL], stored["labels"], bins, np.array(train_counts))
        answers[path] = _Answers(
            found.labels, found.logits.argmax(axis=1), found.correct, found.confidence, found.nll
        )
        if not np.array_equal(answers[paths[0]].labels, found.labels):
            raise InputError(
                f"{path} has other test images than {paths[0]}, or in another order: delete the older and run again"
            )
    examples = Examples(answers[paths[0]].labels, np.array(train_counts))
    terms = {path: _terms(examples, each, bins) for path, each in answers.items()}
    values = {path: _criteria(examples, np.ones((1, len(examples.labels))), of) for path, of in terms.items()}
    blocks: dict[str, list[dict[str, Floats]]] = {path: [] for path in paths}
    for weights in stratified.weights(examples.labels, resamples, seed):
        for path, of in terms.items():
            blocks[path].append(_criteria(examples, weights, of))
    networks = {
        results.name(path): Network(
            each.predicted,
            each.correct,
            each.confidence,
            {name: float(value[0]) for name, value in values[path].items()},
            {name: np.concatenate([block[name] for block in blocks[path]]) for name in values[path]},
        )
        for path, each in answers.items()
    }
    return Measured(examples, networks)


@dataclass(frozen=True, eq=False)
class _Answers:
    labels: Integers
    predicted: NDArray[np.intp]
    correct: Floats
    confidence: Floats
    nll: Floats


def _terms(examples: Examples, answers: _Answers, bins: int) -> Floats:
    """What each image [N] adds to accuracy, NLL, balanced accuracy, that of each group, and the gap of each bin.

    Weights of the images times these columns are the criteria: a class keeps its weight in each resample, so that its
    accuracy is a sum over images.
    """
    n, sizes = len(examples.labels), examples.sizes
    within_class = answers.correct / sizes[examples.labels]
    columns = [answers.correct / n, answers.nll / n, within_class / np.count_nonzero(sizes)]
    columns += [within_class * group.classes[examples.labels] / group.classes.sum() for group in examples.groups]
    gap = np.zeros((n, bins))
    gap[np.arange(n), bin_index(np.minimum(answers.confidence, 1.0), bins)] = (
        answers.correct - answers.confidence
    ) / n
    return np.hstack([np.column_stack(columns), gap])


def _criteria(examples: Examples, weights: Floats, terms: Floats) -> dict[str, Floats]:
    """The criteria [R] of one network under weights [R, N] of the images."""
    sums, groups = weights @ terms, len(examples.groups)
    every = {TOP1: sums[:, 0], NLL: sums[:, 1], BALANCED: sums[:, 2], ECE: np.abs(sums[:, 3 + groups :]).sum(axis=1)}
    if groups:
        every[WORST] = sums[:, 3 : 3 + groups].min(axis=1)
    return {name: every[name] for name in examples.criteria}
