"""The settings of the extraction of features: of its Stage 1, those that inference depends on."""

from dataclasses import dataclass

from longtail.settings.compute import Compute
from longtail.settings.parsing import Settings
from longtail.settings.part import Part
from longtail.settings.preprocessing import Preprocessing


@dataclass(frozen=True)
class Extraction(Settings):
    """Which network passes over the examples, and how they are prepared for it."""

    backbone: str
    head: Part
    preprocessing: Preprocessing | None
    compute: Compute
