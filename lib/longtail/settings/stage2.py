"""The settings of a Stage 2 (`stage2` of `config/schemas/method.yaml`) and of a projection of its features."""

from dataclasses import dataclass
from typing import Literal

from longtail.settings.compute import Compute, Seeds
from longtail.settings.parsing import Settings
from longtail.settings.part import Part
from longtail.settings.preprocessing import Preprocessing
from longtail.settings.recipe import Recipe


@dataclass(frozen=True)
class Classifier(Settings):
    """Which part of z = diag(s)((r·W + ΔW)ᵀx + b) + g learns: r, and rates of ΔW, s and g as multiples."""

    keep_stage1: bool
    weight_rate: float
    scale_rate: float
    offset_rate: float


@dataclass(frozen=True)
class Stage2(Settings):
    """All that the result of a Stage 2 depends on, beside its data and the network that it stands on.

    `frozen` are the stages of the backbone that its Stage 1 kept frozen. A new classifier is drawn as `head`, that
    of its Stage 1 (None: `linear`, or a classifier that is kept).
    """

    backbone: str
    recipe: Recipe
    classifier: Classifier
    loss: Part
    mixing: Part | None
    sampler: Part
    generator: Part
    batch_norm: Literal["frozen", "shifted"]
    augment: bool
    preprocessing: Preprocessing | None
    compute: Compute
    seeds: Seeds
    frozen: tuple[str, ...] = ()
    head: Part | None = None


@dataclass(frozen=True)
class Projection(Settings):
    """What the projection of an epoch of a Stage 2 to the plane depends on."""

    recipe: Recipe
    sampler: Part
    generator: Part
    compute: Compute
    seeds: Seeds
