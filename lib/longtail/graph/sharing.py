"""How many trainings share a GPU, chosen by what was measured on such a GPU (`compute.jobs_per_gpu: auto`)."""

import importlib.metadata
import os
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from longtail.results import TRIALS
from longtail.runtime import files

BENCHMARKS = "benchmarks/results"
AUTOMATIC = "auto"
# What records call processes that share a GPU under MPS, and those that take turns.
MPS, IN_TURN = "MPS", "plain processes"
# Fewer trainings that are together almost as fast as the best number are preferred: each then ends sooner.
NEAR_BEST = 0.95
# What was measured, and what is no larger.
MEASURED_BACKBONES, MEASURED_SIDE = ("resnet32", "bbn_resnet32"), 32

Record = dict[str, Any]


def is_small(backbone: str, side: int) -> bool:
    """Whether a training, on images of `side` pixels in memory, leaves room on a GPU for others of its kind.

    That was measured for ResNet-32 on images of 32x32; larger ones are taken to fill a GPU.
    """
    return backbone in MEASURED_BACKBONES and 0 < side <= MEASURED_SIDE


def recorded() -> list[Record]:
    """All recorded benchmarks, and the trials of this machine."""
    paths = [*sorted(Path(BENCHMARKS).glob("*.json")), Path(TRIALS)]
    return [record for path in paths if path.is_file() for record in files.read_json(path)]


def chosen(model: str | None, compute: dict[str, Any], most: int, under_mps: bool) -> int | None:
    """The smallest number of trainings that together are about as fast as any number up to `most`.

    None if it was not measured on a GPU of this `model`.
    """
    rates = measured(model, compute, under_mps)
    possible = {number: rate for number, rate in rates.items() if number <= most}
    if not possible:
        return 1 if rates else None
    return min(number for number, rate in possible.items() if rate >= NEAR_BEST * max(possible.values()))


def measured(model: str | None, compute: dict[str, Any], under_mps: bool) -> dict[int, float]:
    """Images per second on a GPU, by the number of trainings of a process each that share it.

    What needs more memory than this machine has is left out.
    """
    how = MPS if under_mps else IN_TURN
    rates: dict[int, list[float]] = defaultdict(list)
    for record in recorded():
        if record["benchmark"] != "packed" or model is None or record["accelerator"] != model:
            continue
        number, precision = record["processes"], compute["precision"]
        alike = record["contestant"] == f"{number} ({how})" and record["threads"] == compute["threads"]
        alike = alike and precision in ("auto", record["precision"])
        if alike and (record.get("peak_memory_bytes") or 0) <= _memory() and _is_current(record):
            rates[number].append(record["images_per_second"])
    return {number: statistics.median(found) for number, found in rates.items()}


def _is_current(record: Record) -> bool:
    """Whether a record is a benchmark, or a trial with the version of PyTorch that is installed here."""
    try:
        installed = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return True
    return not record.get("trial") or record["versions"].get("torch") == installed


def _memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
