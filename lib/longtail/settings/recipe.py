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


@dataclass(frozen=True)
class Evaluation(Settings):
    """Epochs after which the test set is scored: every so many, and from one on after each."""

    every: int
    each_from: int


@dataclass(frozen=True)
class EarlyStopping(Settings):
    """Steps between two looks at the validation split, and steps without a lower loss after which training ends."""

    every: int
    patience: int


@dataclass(frozen=True)
class Recipe(Settings):
    """Optimiser, schedule and length of a training. What is None has no meaning in it; without `optimizer`, SGD."""

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
    early_stopping: EarlyStopping | None = None
