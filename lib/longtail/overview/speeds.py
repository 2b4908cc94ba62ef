"""How fast this machine trains, from measurements, and how long the remaining work takes at that speed."""

import functools
import math
import os
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from longtail import results
from longtail.config.sources import IMAGES, made_for
from longtail.graph import costs, sharing
from longtail.graph.costs import TrainingJob
from longtail.graph.graph import Graph
from longtail.graph.resources import Resources
from longtail.overview import states
from longtail.runtime import mps, parts, provenance, visible_gpus

# A speed that was not measured here may be so many times higher or lower.
WITHIN = 3


@dataclass(frozen=True, order=True)
class Kind:
    """The kind of training that a speed is measured for: a backbone and the side of its images in pixels."""

    backbone: str
    side: int

    @classmethod
    def of(cls, training: TrainingJob) -> "Kind":
        """The kind of a training; under a name for trained weights, that of the backbone that starts from them."""
        named = training.setting.backbone
        return cls(named if named in parts.names("models") else training.settings["backbone"], training.side)

    @property
    def unit(self) -> str:
        """What the backbone takes: images or titles."""
        return made_for(self.backbone)

    def __str__(self) -> str:
        return f"{self.backbone} at {self.side}x{self.side}" if self.unit == IMAGES else self.backbone


@dataclass(frozen=True)
class Machine:
    """The hardware that trains: processor or GPU, precision, and how many trainings run side by side.

    `jobs_per_gpu` of them share a GPU. If only small ones do, `side_by_side_alone` of the others run side by side.
    `is_measured` is false while it has to be measured how many do.
    """

    processor: str
    accelerator: str | None
    precision: str
    side_by_side: int
    compute: dict[str, Any]
    cores: int
    jobs_per_gpu: int = 1
    side_by_side_alone: int | None = None
    is_measured: bool = True
    under_mps: bool = False

    @classmethod
    def here(cls, graph: Graph, cores: int) -> "Machine":
        """This machine, of which Snakemake may use `cores`."""
        compute = graph.registry.config["compute"]
        accelerator = None if compute["device"] == "cpu" else visible_gpus.model()
        precision = compute["precision"]
        if precision == "auto":
            precision = "bfloat16" if accelerator or _computes_bfloat16() else "float32"
        by_cores = max(1, cores // (compute["threads"] * compute["processes"]))
        machine = cls(provenance.processor(), accelerator, precision, by_cores, compute, cores)
        return machine._with_gpus(graph.resources) if accelerator else machine

    def _with_gpus(self, resources: Resources) -> "Machine":
        under_mps, number, alone = mps.is_running() or mps.can_start(), None, None
        gpus = max(1, resources.gpus_of_stage1)
        if resources.is_automatic:
            most = resources.most_per_gpu(self.cores)
            number = sharing.chosen(self.accelerator, self.compute, most, under_mps)
            resources.share(number or 1)
            alone = max(1, min(self.side_by_side, resources.present // gpus))
        return replace(
            self,
            side_by_side=max(1, min(self.side_by_side, resources.gpu_slots // gpus)),
            jobs_per_gpu=resources.jobs_per_gpu,
            side_by_side_alone=alone,
            is_measured=number is not None or not resources.is_automatic,
            under_mps=under_mps,
        )

    def __str__(self) -> str:
        return self.accelerator or self.processor

    def sharing(self, kind: Kind) -> int:
        """Trainings of a kind that share the processor, or one GPU."""
        if not self.accelerator:
            return self.side_by_side
        return 1 if self.is_alone(kind) else min(self.side_by_side, self.jobs_per_gpu)

    def is_alone(self, kind: Kind) -> bool:
        """Whether a training of a kind has its GPU for itself while small ones share theirs."""
        return self.side_by_side_alone is not None and not sharing.is_small(kind.backbone, kind.side)

    def places(self, kind: Kind, side_by_side: int) -> float:
        """How many of `side_by_side` small trainings have to wait while one of a kind runs."""
        if self.side_by_side_alone is None or not self.is_alone(kind):
            return 1.0
        return max(1.0, side_by_side / self.side_by_side_alone)

    def made(self, record: dict[str, Any], threads: int, processes: int) -> bool:
        """Whether a record was measured on such a machine with the compute settings of this configuration."""
        same = record.get("accelerator") == self.accelerator
        if not self.accelerator:
            same = same and _model(record["processor"]) == _model(self.processor)
        alike = (threads, processes) == (self.compute["threads"], self.compute["processes"])
        return same and alike and record.get("precision", self.precision) == self.precision


@dataclass(frozen=True)
class Speed:
    """Image passes a second of each of the trainings side by side, and where the number comes from."""

    each: float
    source: str


class Speeds:
    """The speeds of a machine, by kind: of trainings that run now, else finished ones, benchmarks, a guess."""

    def __init__(self, graph: Graph, machine: Machine, running: Sequence[tuple[Kind, float]] = ()) -> None:
        self.machine = machine
        self.running = running
        self.finished = _finished(graph, machine)
        self.benchmarks = _benchmarks(machine)
        self.elsewhere = _elsewhere(machine)

    def of(self, kind: Kind) -> Speed | None:
        """The speed of a kind; None if it was never measured here."""
        for measured, when in ((self.running, "running now"), (self.finished, "finished here")):
            if rates := [rate for other, rate in measured if other == kind]:
                plural = "s" if len(rates) > 1 else ""
                median = "median of " if len(rates) > 1 else ""
                return Speed(statistics.median(rates), f"{median}{len(rates)} training{plural} {when}")
        return self._benchmark(kind)

    def guess(self, kind: Kind) -> Speed | None:
        """The speed of a kind that was never measured here; None if there is nothing to guess it from.

        It is that of another size of image on this machine, else of other machines: an image costs what its pixels
        do.
        """
        here = [(other, rate, "this machine") for other, rate in [*self.running, *self.finished]]
        for known in (here, self.elsewhere):
            if alike := [each for each in known if _base(each[0]) == _base(kind)]:
                other, rate, where = min(alike, key=lambda each: abs(math.log(_pixels(each[0]) / _pixels(kind))))
                return Speed(rate * _pixels(other) / _pixels(kind), f"a guess, from {other} on {where}")
        return None

    def is_guess(self, training: TrainingJob) -> bool:
        """Whether the time of a training would be a guess."""
        kind = Kind.of(training)
        return bool(training.work) and self.of(kind) is None and self.guess(kind) is not None

    def notes(self, trainings: Iterable[TrainingJob]) -> list[str]:
        """A sentence on each speed and where it comes from, and on the kinds that have none."""
        notes, unknown, guessed = [], [], False
        for kind in sorted({Kind.of(training) for training in trainings}):
            measured = self.of(kind)
            if measured is None:
                unknown.append(str(kind))
            if speed := measured or self.guess(kind):
                notes.append(f"Speed of {kind}: {speed.each:,.0f} {kind.unit}/s each ({speed.source}).")
                guessed = guessed or measured is None
        if unknown:
            notes.append(f"Not yet timed here: {', '.join(unknown)}.")
            if guessed:
                notes.append(f"Times with ~ are guesses: the true one may be {WITHIN} times as long, or as short.")
            notes.append("`make benchmark` times ResNet-32; the first finished training of a kind times that kind.")
        return notes

    def _benchmark(self, kind: Kind) -> Speed | None:
        records = [r for r in self.benchmarks if (r["backbone"], r["image_size"]) == (kind.backbone, kind.side)]
        if not records:
            return None
        # Trainings side by side slow each other down, so take the record with as many of them, or the next fewer.
        together = self.machine.sharing(kind)
        counts = {r["processes"] for r in records}
        count = max((n for n in counts if n <= together), default=min(counts))
        rate = statistics.median(r["images_per_second"] for r in records if r["processes"] == count)
        return Speed(rate / count, f"benchmark with {count} side by side, testing not included")


@dataclass(frozen=True)
class Remaining:
    """A training with the fraction of it that is still to do, and the seconds that this takes if they are known.

    `start` are the seconds that a job of its kind takes in addition to its epochs.
    """

    training: TrainingJob
    fraction: float
    seconds: float | None = None
    start: float = 0.0

    @property
    def passes(self) -> int | None:
        """Image passes still to do."""
        if self.fraction == 0:
            return 0
        return None if self.training.passes is None else round(self.fraction * self.training.passes)


def duration(
    remaining: Iterable[Remaining], speeds: Speeds, side_by_side: int, others: float = 0.0
) -> tuple[float, bool]:
    """Seconds that the remaining trainings take, so many side by side, and whether all of them have a known speed.

    A training on cached features counts as 0 until one was timed. Trainings that read each other's networks cannot
    run side by side, so their sum is a lower bound. `others` are the seconds of the jobs that train nothing.
    """
    items = {item.training.folder: item for item in remaining}
    seconds = {folder: _seconds(item, speeds) for folder, item in items.items()}
    complete = None not in seconds.values()

    @functools.cache
    def until(folder: str) -> float:
        """Seconds until a training is finished if it waits for nothing but the networks that it reads."""
        networks = [until(network) for network in items[folder].training.networks if network in items]
        return max(networks, default=0.0) + (seconds[folder] or 0.0)

    machine = speeds.machine
    places = {folder: machine.places(Kind.of(item.training), side_by_side) for folder, item in items.items()}
    total = others + math.fsum((each or 0.0) * places[folder] for folder, each in seconds.items())
    return max([total / side_by_side, *map(until, items)]), complete


def _seconds(item: Remaining, speeds: Speeds) -> float | None:
    if item.seconds is not None:
        return item.seconds
    if item.fraction == 0 or item.training.work == 0:
        return 0.0
    kind = Kind.of(item.training)
    speed = speeds.of(kind) or speeds.guess(kind)
    if speed is None or item.training.work is None:
        return None
    return item.start + item.fraction * item.training.work / speed.each


def _finished(graph: Graph, machine: Machine) -> list[tuple[Kind, float]]:
    """Speeds of the finished Stage 1s in `results/runs` that this machine has trained, with their evaluations."""
    speeds = []
    for path in Path(results.RUNS).glob("*/*/*/*/*/stage1/provenance.json"):
        definition = graph.registry.datasets.get(path.parts[-7], {})
        record = states.read(path) or {}
        if "kind" not in definition or not record.get("seconds"):
            continue
        compute = record["settings"]["compute"]
        if 0 in record["settings"]["recipe"].get("rates", {}).values():
            continue  # what is frozen has no backward pass
        if machine.made(record, compute["threads"], compute["processes"]):
            kind = Kind(record["settings"]["backbone"], costs.side(definition))
            speeds.append((kind, record["images"] / record["seconds"]))
    return speeds


def _benchmarks(machine: Machine) -> list[dict[str, Any]]:
    """Recorded speeds of Stage 1 on this machine."""
    # Leave out the reference loop, and on a GPU the kind of steps (captured or eager) that is not configured.
    others = ("reference", "eager" if machine.compute["capture"] else "captured")
    stage1 = [r for r in sharing.recorded() if r["benchmark"] in ("stage1", "packed", "titles")]
    # Jobs are processes of their own.
    ours = [r for r in stage1 if not r.get("contestant", "").endswith(others) and r.get("trainings", 1) == 1]
    # Their `processes` are trainings of one process each.
    made = [r for r in ours if machine.made(r, r["threads"], processes=1)]
    unlike = f"({sharing.IN_TURN if machine.under_mps else sharing.MPS})"
    as_here = [r for r in made if not machine.accelerator or not r.get("contestant", "").endswith(unlike)]
    return as_here or made


def _elsewhere(machine: Machine) -> list[tuple[Kind, float, str]]:
    """Recorded speeds of one training on processors, or on GPUs if this machine has one, whatever their model."""
    known = [r for r in sharing.recorded() if r["benchmark"] in ("stage1", "packed", "titles", "large")]
    stage1 = [r for r in known if "backbone" in r and r.get("trainings", 1) == 1]
    ours = [r for r in stage1 if not r.get("contestant", "").endswith(("reference", "eager"))]
    return [
        (Kind(r["backbone"], r["image_size"]), r["images_per_second"] / r["processes"], r["processor"])
        for r in ours
        if (r["accelerator"] is None) == (machine.accelerator is None) and r["threads"] == machine.compute["threads"]
    ]


def _base(kind: Kind) -> str:
    """The backbone whose speed a guess is made from: a variant costs about as much."""
    return kind.backbone.removeprefix("bbn_").removesuffix("_mixed_heads")


def _pixels(kind: Kind) -> int:
    return max(1, kind.side) ** (2 if kind.unit == IMAGES else 1)


def _computes_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16, as `engine.device` finds out by PyTorch."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.is_file() else ""
    return "avx512_bf16" in text or "amx_bf16" in text


def _model(processor: str) -> str:
    """A processor's name without the number of cores that a process may use."""
    return processor.rsplit(", ", 1)[0]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
