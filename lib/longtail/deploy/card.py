"""What a model file says of its model, as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from longtail.settings.parsing import Settings
from longtail.settings.part import Part


@dataclass(frozen=True)
class Inputs(Settings):
    """How pictures or titles become the numbers that the network takes.

    Pictures: RGB, or grey if `channels` is 1; then resized and cut to `fit` (width, height), or for data sets in
    files, with the shorter side `resize`d and the centre cut out (`center_crop`); then (p/255 − mean) / std.
    Titles: the numbers of their `characters` (`<UNK>` for others), cut or padded (`<PAD>`) to `length`.
    """

    form: Literal["images", "titles"]
    channels: int = 0
    fit: tuple[int, ...] | None = None
    resize: int | None = None
    center_crop: int | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    length: int = 0
    dimensions: int = 0
    characters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibration(Settings):
    """How logits become probabilities: softmax(logits / temperature), where 1 is the plain softmax.

    `examples` images or titles `of` a set settled the temperature by their NLL, which was `nll_before` and is
    `nll_after`; without any, `of` says why.
    """

    temperature: float
    of: str
    examples: int = 0
    nll_before: float | None = None
    nll_after: float | None = None

    @property
    def sentence(self) -> str:
        """For a person."""
        if not self.examples:
            return f"plain softmax, not calibrated: {self.of}"
        return (
            f"calibrated: softmax(logits / {self.temperature:.4g}), fitted on {self.examples:,} examples ({self.of})"
        )

    @property
    def word(self) -> str:
        """For a column of a table."""
        return f"temperature {self.temperature:.4g}" if self.examples else "softmax"


@dataclass(frozen=True)
class Card(Settings):
    """A model: where it comes from, what it takes, what it is made of and how good it is.

    `network` has the backbone and the head. `dataset` has name, title, licence, imbalance factor and training images
    per class. `metrics` are those of the run on the test set, by the plain softmax; `calibrated` are ECE, NLL and
    Brier score with the temperature. `checked` says how far the model's test logits are from those of the run.
    """

    run: str
    selection: str
    method: Mapping[str, Any]
    dataset: Mapping[str, Any]
    classes: tuple[str, ...]
    inputs: Inputs
    backbone: str
    head: Part
    calibration: Calibration
    metrics: Mapping[str, Any]
    calibrated: Mapping[str, Any]
    checked: Mapping[str, Any]
    provenance: Mapping[str, Any]
    precision: str = "float32"

    def plain(self) -> dict[str, Any]:
        """The card as it is written to JSON."""
        return asdict(self) | {"head": {"name": self.head.name, **self.head.settings}}
