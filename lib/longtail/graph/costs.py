"""The cost of a plan's trainings in image passes, known before anything runs and without torch."""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from longtail import results
from longtail.config import own, settings, sources
from longtail.config.blame import blaming, place
from longtail.config.plan import CLASSIFIER, NETWORK, Run, Setting, Training
from longtail.config.registry import Registry
from longtail.engine import schedule
from longtail.graph.graph import Graph
from longtail.runtime import files, parts
from longtail.settings.recipe import Recipe
from longtail.settings.stage2 import Stage2
from longtail.stage2.inputs import features_suffice

# A training step costs about three forward passes: one forwards, and two for the gradients.
FORWARD = 1 / 3


@dataclass(frozen=True)
class TrainingJob:
    """The job of one training: the `folder` of its outputs below `results/runs`, its settings, and what it reads.

    `block` is the part of the method that describes it, stage1 or stage2; `networks` are the folders of the networks
    that it reads. `images` is the number of training images N, None if it is unknown until the data are read; `side`
    is the side of an image in pixels. `code` is the fingerprint of the code that trains it, or that has trained an
    `imported` one.
    """

    folder: str
    block: str
    setting: Setting
    settings: dict[str, Any]
    code: str
    images: int | None
    side: int
    imported: bool = False
    networks: tuple[str, ...] = ()

    @property
    def passes(self) -> int | None:
        """Number of training images that pass through the network; 0 on cached features and for an imported one."""
        if self.imported or (self.block == CLASSIFIER and features_suffice(Stage2.parse(self.settings))):
            return 0
        if self.images is None:
            return None
        recipe = Recipe.parse(self.settings["recipe"])
        return recipe.epochs * schedule.draws(recipe, self.images)

    @property
    def work(self) -> float | None:
        """The same number, weighted by cost: 1 for a full training step of plain cross-entropy.

        A pass through a frozen backbone has no backward pass; a step of Stage 1 costs what its algorithm declares
        (`WORK`).
        """
        return None if self.passes is None else self.passes * (FORWARD if self.block == CLASSIFIER else self.step)

    @property
    def step(self) -> float:
        """The cost of a step of Stage 1 in steps of plain cross-entropy on as many images.

        A backbone that is frozen as a whole has no backward pass.
        """
        rates = self.settings["recipe"].get("rates")
        frozen = rates is not None and rates["earlier_stages"] == rates["last_stage"] == 0
        return declared(self.settings["algorithm"]["name"]) * (FORWARD if frozen else 1)


@functools.cache
def declared(algorithm: str) -> float:
    """The cost of a step that an algorithm of Stage 1 declares, in steps of plain cross-entropy."""
    return float(parts.literal("stage1.algorithms", algorithm, "WORK", 1.0))


def trainings(graph: Graph, runs: Iterable[Run]) -> list[TrainingJob]:
    """The job of every training that runs require (a shared network once), in path order."""
    required = sorted({training for run in runs for training in run.trainings}, key=lambda each: each.folder)
    sizes = {setting: images(graph.registry, setting) for setting in {training.setting for training in required}}
    return [_job(graph, training, sizes[training.setting]) for training in required]


def folders(runs: Iterable[Run]) -> set[str]:
    """Folders, below `results/runs`, of the trainings that runs require."""
    return {training.folder for run in runs for training in run.trainings}


def images(registry: Registry, setting: Setting) -> int | None:
    """The number of training images N of a setting: from its subset if that exists, else from the class sizes.

    None if it is unknown until the data are read. Before that, images in groups are counted as if they were split
    exactly. Raises InputError as `class_counts` does.
    """
    stored = Path(results.subset(setting.dataset, setting.imbalance))
    if stored.is_file():
        return int(files.read_json(stored, "total")["total"])
    return own.training_images(registry.datasets[setting.dataset], setting.imbalance)


def check_batches(graph: Graph) -> None:
    """Raises InputError if batch norm would get a batch of one value per channel, in a training whose N is known."""
    compute, registry = graph.registry.config["compute"], graph.registry
    for training in {(each.setting, each.method, each.block): each for each in graph.plan.trainings}.values():
        block, dataset = settings.of_training(registry, training), training.setting.dataset
        if training.block == NETWORK:
            learns = training.run not in graph.imports and compute["processes"] == 1
        else:
            learns = block["batch_norm"] == "shifted"
        pixels, name = side(registry.datasets[dataset]), block["recipe"]["name"]
        if not learns or pixels > schedule.one_pixel(block["backbone"]):
            continue
        is_cut = Path(results.subset(dataset, training.setting.imbalance)).is_file()
        size = images(registry, training.setting)
        # Whole groups may make a few images less; the training checks its batches again.
        if size is None or (not is_cut and sources.declared(registry.datasets[dataset], "grouped", False)):
            continue
        micro_batches = compute["micro_batches"] if training.block == NETWORK else 1
        where = f"{place('recipe', name, registry.config['recipes'])} (method '{training.method}' on {dataset})"
        recipe = Recipe.parse(block["recipe"])
        with blaming(graph.files, graph.arguments):
            schedule.check_batches(recipe, block["backbone"], size, pixels, micro_batches, where)


def side(definition: dict[str, Any]) -> int:
    """Side in pixels of a data set's training images as the network gets them; of titles the number of characters."""
    if sources.is_streamed(definition):
        preprocessing = definition["preprocessing"]
        return int(preprocessing["random_resized_crop"] or preprocessing["center_crop"])
    return int(sources.declared(definition, "side", 0))


def _job(graph: Graph, training: Training, size: int | None) -> TrainingJob:
    wildcards = SimpleNamespace(
        **vars(training.setting), stage1=training.method, method=training.method, seed=training.seed
    )
    parameters, imported = graph.parameters, training.run in graph.imports and training.block == NETWORK
    text = parameters.stage1(wildcards) if training.block == NETWORK else parameters.stage2(wildcards)
    code = parameters.imported_code(wildcards) if imported else parameters.code(f"train_{training.block}", wildcards)
    pixels = side(graph.registry.datasets[training.setting.dataset])
    networks = tuple(network.folder for _, network in training.networks)
    job = json.loads(text), code, size, pixels, imported, networks
    return TrainingJob(training.folder, training.block, training.setting, *job)
