"""What tables and figures can show of a run: the metrics of its test predictions, and the minutes of its training.

This module imports no NumPy, so that the configuration can read names, labels and units when Snakemake starts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longtail.runtime import parts
from longtail.runtime.errors import InputError

if TYPE_CHECKING:
    from longtail.evaluate.predictions import Predictions

# Decimals of a value below 10 and of one from 10 on: papers print calibration errors to three figures.
DIGITS = {"tenths": (1, 1), "three figures": (2, 1), "thousandths": (3, 3)}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A number that a table can show of a run, and how it is written on every page."""

    name: str
    label: str
    unit: str
    digits: str
    printable: bool = True  # whether a paper can print it, so that a table's printed numbers are counted with it

    def text(self, value: float) -> str:
        """A value in `unit` with the digits of this column."""
        decimals = DIGITS[self.digits][abs(value) >= 10]
        return f"{value:.{decimals}f}".replace("-", "−")

    def as_printed(self, value: float) -> str:
        """A number that a paper prints: with hundredths where the paper has them and this column has tenths."""
        has_hundredths = self.digits == "tenths" and round(value, 1) != value
        return f"{value:.2f}" if has_hundredths else self.text(value)

    def signed(self, value: float) -> str:
        """A difference in `unit`, with its sign."""
        return ("+" if value >= 0 else "−") + self.text(abs(value))


@dataclass(frozen=True, kw_only=True)
class Metric(Column):
    """An entry of `metrics.METRICS`, whose keys are explained there."""

    better: str | None = None
    needs: tuple[str, ...] = ()
    under: str | None = None

    @property
    def of_probabilities(self) -> bool:
        """Whether it reads the softmax of the logits."""
        return "probabilities" in self.needs

    @property
    def can_be_claimed(self) -> bool:
        """Whether two methods can be compared by it: one of two values is better, and logits are enough for it."""
        return self.better is not None and "class sizes" not in self.needs

    @property
    def sign(self) -> int:
        """The sign of better − other where the metric has a better side: 1 for higher, −1 for lower."""
        return 1 if self.better == "higher" else -1

    def value(self, predictions: "Predictions") -> float | None:
        """The metric of some test predictions, as metrics.json stores it."""
        from longtail.evaluate import metrics  # here, because it imports NumPy

        value = getattr(metrics, self.name)(predictions)
        return None if value is None else float(value)

    def stored(self, score: Mapping[str, Any], where: str) -> float | None:
        """The stored value in one score of metrics.json; InputError that names `where` when it is not there."""
        holder = score.get(self.under, {}) if self.under else score
        if self.name not in holder:
            raise InputError(f"{where} has no {self.name}: delete it and run again")
        value: float | None = holder[self.name]
        return value

    def in_unit(self, stored: float) -> float:
        """A stored value in `unit`: a fraction in %."""
        return 100 * stored if self.unit == "%" else stored


def _metrics() -> dict[str, Metric]:
    entries: dict[str, dict[str, Any]] = parts.literal("evaluate", "metrics", "METRICS", {})
    return {
        name: Metric(name=name, **{**entry, "needs": tuple(entry.get("needs", ()))})
        for name, entry in entries.items()
    }


METRICS = _metrics()
# The wall time of a run's trainings: from their provenance files, not from predictions, and printed by no paper.
MINUTES = Column(
    name="minutes",
    label="Minutes",
    unit="minutes of training, each beside whatever else the machine did",
    digits="tenths",
    printable=False,
)
COLUMNS: dict[str, Column] = {**METRICS, MINUTES.name: MINUTES}
