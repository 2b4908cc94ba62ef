"""How a job computes, and its seeds (`config/schemas/config.yaml`)."""

from dataclasses import dataclass
from typing import Literal

from longtail.settings.parsing import Settings


@dataclass(frozen=True)
class Compute(Settings):
    """Device, precision and processes of a job: those settings of `compute` that results may depend on."""

    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "float32", "bfloat16"]
    threads: int
    micro_batches: int
    processes: int
    capture: bool
    deterministic: bool
    fused: bool = False


@dataclass(frozen=True)
class Seeds(Settings):
    """Seeds of a run: of its initialisation, and of its order of examples with augmentation and mixing."""

    initialisation: int
    order: int
