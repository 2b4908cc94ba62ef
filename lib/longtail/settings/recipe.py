"""How long a stage trains and how fast it learns (`config/schemas/recipe.yaml`)."""

from dataclasses import dataclass
from typing import Literal

from longtail.settings.parsing import Settings


@dataclass(frozen=True)
class Schedule(Settings):
    """The learning rate over epochs."""

    kind: Literal["step", "cosine"]
    warmup: int
    warmup_from: float
    milestones: tuple[int, ...]
    factor: float
    ends_at_zero: bool | None = None


@dataclass(frozen=True)
class Evaluation(Settings):
    """Epochs after which the test set is evaluated: every `every` epochs, and from `each_from` on after each."""

    every: int
    each_from: int


@dataclass(frozen=True)
class EarlyStopping(Settings):
    """Steps between two validations, and steps without a lower validation loss after which training ends."""

    every: int
    patience: int


@dataclass(frozen=True)
class Rates(Settings):
    """Learning rates of a Stage 1's parts, as multiples of the recipe's; 0 freezes stages of the backbone."""

    earlier_stages: float
    last_stage: float
    head: float


@dataclass(frozen=True)
class Recipe(Settings):
    """Optimiser (SGD by default), schedule and length of a training. None means that a recipe has no such setting.

    What a recipe says about preprocessing is among that of its stage.
    """

    name: str
    epochs: int
    batch_size: int
    batches: Literal["ceil", "floor", "ceil_plus_one"]
    learning_rate: float
    momentum: float
    nesterov: bool
    weight_decay: float
    schedule: Schedule
    evaluate: Evaluation
    optimizer: Literal["sgd", "adam"] | None = None
    defer: int | None = None
    horizon: int | None = None
    early_stopping: EarlyStopping | None = None
    rates: Rates | None = None

    @property
    def frozen(self) -> tuple[str, ...]:
        """The stages of the backbone that do not learn."""
        return tuple(part for part, rate in vars(self.rates).items() if rate == 0) if self.rates else ()
