"""The settings of a Stage 1 (`stage1` of `config/schemas/method.yaml`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from longtail.settings.compute import Compute, Seeds
from longtail.settings.parsing import Settings
from longtail.settings.part import Part
from longtail.settings.preprocessing import Preprocessing, RandAugment
from longtail.settings.recipe import Recipe


@dataclass(frozen=True)
class Deferred(Settings):
    """What takes over after the recipe's `defer` epochs."""

    weighting: Part | None = None
    sampler: Part | None = None


@dataclass(frozen=True)
class Stage1(Settings):
    """All that the result of a Stage 1 depends on, beside its data.

    `preprocessing` is None of titles. `networks` are the methods whose finished networks it reads, by role.
    `pretrained` is the hash of the weights that a backbone starts from, or their path once they are `located`;
    `weights` is that of weights that any backbone may start from.
    """

    backbone: str
    recipe: Recipe
    loss: Part
    head: Part
    mixing: Part | None
    randaugment: RandAugment | None
    sampler: Part
    weighting: Part | None
    deferred: Deferred | None
    algorithm: Part
    preprocessing: Preprocessing | None
    compute: Compute
    seeds: Seeds
    networks: Mapping[str, str] = field(default_factory=dict)
    pretrained: str | None = None
    weights: str | None = None

    def located(self, place: Mapping[str, Any]) -> "Stage1":
        """The same with the path of pretrained weights in the `place` of the data set, instead of their hash."""
        return self if self.pretrained is None else replace(self, pretrained=place["pretrained"])
