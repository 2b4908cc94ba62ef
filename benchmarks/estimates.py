"""Seconds of every job of the papers' grid on a GPU that was not there, from what was measured, cited and assumed.

`given` is `scale.yaml`, which says what is cited and what assumed; the rest are records of `benchmarks/results`. A
record of a GPU there takes the place of what is cited or assumed. There are two paces, as not everything is known.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks import grid, records
from benchmarks.grid import Node
from benchmarks.simulator import Job

from longtail.engine import schedule
from longtail.graph.costs import FORWARD, Training
from longtail.overview.speeds import Kind
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.settings.recipe import Recipe
from longtail.settings.stage2 import Stage2
from longtail.stage2.inputs import features_suffice

PACES = ("slow", "fast")
CIFAR_TEST = 10_000


@dataclass(frozen=True)
class Rates:
    """Seconds of one image: a training step by kind, decoding for training and for testing, a row of features."""

    steps: dict[Kind, float]
    decoding: dict[str, float]
    features: float

    @classmethod
    def of(cls, pace: str, given: dict[str, Any], workers: int, folder: Path = records.RESULTS) -> "Rates":
        """In a pace: in the slow one `workers` processes decode images, in the fast one that is no limit."""
        cited, assumed = given["cited"], given["assumed"]
        large = {record["contestant"]: record for record in recorded(folder, "large")}
        small = 1e-6 * assumed["microseconds_a_kernel"][pace] * assumed["kernels_a_step"] / assumed["batch"]
        steps = {Kind("resnet32", 32): small}
        for name, record in large.items():
            if "backbone" in record:
                rate = cited["resnet50_images_per_second"] * record["ratio"]
                steps[Kind(name, record["image_size"])] = 1 / rate
        steps |= {kind: 1 / rate for kind, rate in on_gpus(folder).items()}
        slow = {split: large[f"decoding {split} images"]["images_per_second"] for split in ("training", "test")}
        decoding = {split: 1 / (workers * rate) if pace == "slow" else 0.0 for split, rate in slow.items()}
        cached = {record["contestant"]: record for record in recorded(folder, "stage2")}["cifar, cached features"]
        return cls(steps, decoding, 1 / cached["images_per_second"])

    def image(self, training: Training, split: str, share: float) -> float:
        """Seconds of an image through a training's network that takes a share of a training step."""
        kind = Kind.of(training)
        if kind not in self.steps:
            raise InputError(
                f"no speed of {kind} is recorded: add it to benchmarks/large.py and run it with --record"
            )
        decoded = self.decoding[split] if training.setting.dataset in grid.LARGE else 0.0
        return max(share * self.steps[kind], decoded)


def recorded(folder: Path, benchmark: str) -> list[dict[str, Any]]:
    """Records of a benchmark on CPUs."""
    path = folder / f"{benchmark}.json"
    return [record for record in files.read_json(path) if record["accelerator"] is None] if path.exists() else []


def on_gpus(folder: Path) -> dict[Kind, float]:
    """Images per second of one training on a GPU, as far as they are recorded: the median over the GPUs."""
    found: dict[Kind, list[float]] = {}
    for path in (folder / "stage1.json", folder / "large.json"):
        for record in files.read_json(path) if path.exists() else []:
            ours = record["accelerator"] is not None and record["contestant"] not in ("reference", "eager")
            if ours and "backbone" in record:
                kind = Kind(record["backbone"], record["image_size"])
                found.setdefault(kind, []).append(record["images_per_second"])
    return {kind: statistics.median(rates) for kind, rates in found.items()}


def stage1(training: Training, rates: Rates) -> float:
    """All epochs and the tests in between."""
    assert training.work is not None
    epochs = training.work * rates.image(training, "training", 1.0)
    return epochs + _evaluations(training) * tested(training) * rates.image(training, "test", FORWARD)


def features(training: Training, rates: Rates) -> float:
    """The training images of a Stage 1 once, and the test images through its last and its best network."""
    assert training.images is not None
    return (training.images + 2 * tested(training)) * rates.image(training, "test", FORWARD)


def stage2(training: Training, rates: Rates) -> float:
    """On cached features as fast as on a CPU; on images forwards, and the tests too where batch norm moves."""
    assert training.images is not None
    assert training.passes is not None
    recipe = Recipe.parse(training.settings["recipe"])
    if features_suffice(Stage2.parse(training.settings)):
        return float(recipe.epochs * schedule.draws(recipe, training.images) * rates.features)
    tests = _evaluations(training) * tested(training) if training.settings["batch_norm"] == "shifted" else 0
    epochs = training.passes * rates.image(training, "training", FORWARD)
    return epochs + tests * rates.image(training, "test", FORWARD)


TRAINED: dict[str, Callable[[Training, Rates], float]] = {
    "train_stage1": stage1,
    "extract_features": features,
    "train_stage2": stage2,
}


def tested(training: Training) -> int:
    """Images of the test set."""
    dataset = training.setting.dataset
    return grid.LARGE[dataset][2] if dataset in grid.LARGE else CIFAR_TEST


def jobs(
    nodes: Sequence[Node],
    trainings: dict[str, Training],
    rates: Rates,
    given: dict[str, Any],
    folder: Path = records.RESULTS,
) -> list[Job]:
    """Snakemake's jobs, in its order, with the seconds that each takes; one GPU for those with a network."""
    here = grid.local_rules()
    drawn = {record["contestant"].split(",")[0]: record["seconds"] for record in recorded(folder, "jobs")}
    other = {rule: seconds for rule, seconds in drawn.items() if rule in here} | given["assumed"]["seconds"]
    return [
        Job(
            node.name,
            TRAINED[node.rule](trainings[training_of(node)], rates) if node.rule in TRAINED else _other(node, other),
            node.needs,
            Fraction(int(node.rule in TRAINED)),
            node.rule in here,
        )
        for node in nodes
    ]


def training_of(node: Node) -> str:
    """The folder of the training that a job runs or, extracting features, stands on."""
    w = node.wildcards
    last = w["method"] if node.rule == "train_stage2" else "stage1"
    return f"{w['dataset']}/{w['imbalance']}/{w['backbone']}/{w['stage1']}/seed{w['seed']}/{last}"


def _other(node: Node, seconds: dict[str, float]) -> float:
    large = node.rule == "evaluate" and node.datasets & grid.LARGE.keys()
    return seconds["evaluate, large sets" if large else node.rule if node.rule in seconds else "other"]


def _evaluations(training: Training) -> int:
    recipe = Recipe.parse(training.settings["recipe"])
    return sum(schedule.is_evaluated(recipe, epoch) for epoch in range(1, recipe.epochs + 1))
