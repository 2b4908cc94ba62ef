"""The settings of feature extraction: those of its Stage 1 that inference depends on."""

from dataclasses import dataclass

from longtail.settings.compute import Compute
from longtail.settings.parsing import Settings
from longtail.settings.part import Part
from longtail.settings.preprocessing import Preprocessing


@dataclass(frozen=True)
class Extraction(Settings):
    """The network that extracts features, and the preprocessing of its inputs."""

    backbone: str
    head: Part
    preprocessing: Preprocessing | None
    compute: Compute
