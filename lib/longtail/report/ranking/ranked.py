"""The methods of a page with everything that is said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from longtail.evaluate import ranking
from longtail.evaluate.ranking import Examples, Measured, Network
from longtail.evaluate.recommendation import Recommendation, recommend
from longtail.evaluate.scores import Floats
from longtail.evaluate.standing import Standing, standing

CLOSELY = 3  # methods whose classes are listed; one more column would not fit beside their names


@dataclass(frozen=True, eq=False)
class Method:
    """A method that has run: its name and label, how its logits become probabilities, its networks by seed.

    `minutes` are those of all trainings that a run requires, as a mean over seeds; `paths` the files with its logits.
    """

    name: str
    label: str
    calibration: str | None
    runs: Mapping[int, Network]
    minutes: float
    paths: Sequence[str]


@dataclass(frozen=True, eq=False)
class Ranked:
    """Methods, their standings by each criterion, and which of them to take. `table` is `layouts.ranking`.

    `left_out` has the label of each method without a run, and what it needs, if that is known.
    """

    table: Mapping[str, Any]
    classes: Sequence[str]
    examples: Examples
    methods: Sequence[Method]
    left_out: Mapping[str, str | None]
    standings: Mapping[str, Standing]
    recommendation: Recommendation

    @property
    def closely(self) -> Sequence[int]:
        """The methods whose classes are shown, the recommended one first."""
        return self.recommendation.shown[:CLOSELY]

    @property
    def what(self) -> str:
        """What the test set contains: images or titles."""
        return str(self.table["examples"])

    def label(self, method: int) -> str:
        """The label of a method."""
        return self.methods[method].label

    def by_class(self, method: int) -> Floats:
        """The accuracy of each class [K] as a mean over seeds; NaN for a class without test images."""
        labels, sizes = self.examples.labels, self.examples.sizes
        right = np.mean([run.correct for run in self.methods[method].runs.values()], axis=0)
        hits = np.bincount(labels, weights=right, minlength=len(sizes))
        accuracy: Floats = np.divide(hits, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)
        return accuracy

    def classes_by_size(self) -> list[int]:
        """The classes, those with most training images first."""
        return [int(number) for number in np.argsort(-self.examples.train_counts, kind="stable")]

    def group_of(self, number: int) -> str:
        """The name of the group of a class; empty for one without test images, and where there are no groups."""
        return next((group.name for group in self.examples.groups if group.classes[number]), "")


def rank(
    table: Mapping[str, Any], measured: Measured, classes: Sequence[str], records: Mapping[str, Mapping[str, Any]]
) -> Ranked:
    """Rank the methods of a layout; `records` are the provenance files of all their trainings by path."""
    methods = [_method(method, measured, records) for method in table["methods"] if method["runs"]]
    standings = {
        name: standing([method.runs for method in methods], criterion)
        for name, criterion in measured.examples.criteria.items()
    }
    return Ranked(
        table,
        classes,
        measured.examples,
        methods,
        {method["label"]: method["needs"] for method in table["methods"] if not method["runs"]},
        standings,
        recommend(standings[ranking.TOP1], standings[ranking.ECE]),
    )


def _method(method: Mapping[str, Any], measured: Measured, records: Mapping[str, Mapping[str, Any]]) -> Method:
    seconds = [sum(records[path]["seconds"] for path in run["trainings"]) for run in method["runs"]]
    return Method(
        method["method"],
        method["label"],
        method["calibration"],
        {run["seed"]: measured.networks[run["logits"]] for run in method["runs"]},
        float(np.mean(seconds)) / 60,
        [run["logits"] for run in method["runs"]],
    )
