"""What the trainings of a plan cost in image passes, before anything runs and without torch."""

import functools
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from longtail import imbalance as factors
from longtail import results
from longtail.config import settings
from longtail.config.blame import blaming, place
from longtail.config.plan import Run, Setting
from longtail.config.registry import Registry
from longtail.config.sources import IMAGES, form, is_streamed, of_source
from longtail.data.long_tail import class_counts
from longtail.engine import schedule
from longtail.graph import imports
from longtail.graph.graph import Graph
from longtail.runtime import files, image_tree, parts
from longtail.settings.recipe import Recipe
from longtail.settings.stage2 import Stage2
from longtail.stage2.inputs import features_suffice

# A training step counts as three forward passes: one forwards, and about two for the gradients.
FORWARD = 1 / 3
CIFAR10, CIFAR100 = (5000,) * 10, (500,) * 100


@dataclass(frozen=True)
class Training:
    """One Stage 1 or Stage 2: `folder` of its outputs below `results/runs`, and what its job is told.

    `images` is N of its subset, `side` that of an image in pixels; None where only reading the data can tell N.
    `code` is the fingerprint of what trains it, or for an `imported` one of what trained it elsewhere.
    """

    folder: str
    stage: int
    setting: Setting
    settings: dict[str, Any]
    code: str
    images: int | None
    side: int
    imported: bool = False

    @property
    def passes(self) -> int | None:
        """Training images that pass through the network; 0 on cached features, and for an imported Stage 1."""
        if self.imported or (self.stage == 2 and features_suffice(Stage2.parse(self.settings))):
            return 0
        if self.images is None:
            return None
        recipe = Recipe.parse(self.settings["recipe"])
        return recipe.epochs * schedule.draws(recipe, self.images)

    @property
    def work(self) -> float | None:
        """The same in passes of a full training step.

        A frozen backbone is only passed forwards; a step of Stage 1 costs what its algorithm declares (`WORK`).
        """
        return None if self.passes is None else self.passes * (FORWARD if self.stage == 2 else self.step)

    @property
    def step(self) -> float:
        """The cost of a Stage 1's step in steps of plain cross-entropy on as many images, as its algorithm says."""
        return declared(self.settings["algorithm"]["name"])


@functools.cache
def declared(algorithm: str) -> float:
    """What an algorithm of Stage 1 says that its step costs, in steps of plain cross-entropy."""
    return float(parts.literal("stage1.algorithms", algorithm, "WORK", 1.0))


def trainings(graph: Graph, runs: Iterable[Run]) -> list[Training]:
    """Every training that runs stand on, a shared Stage 1 once, in path order."""
    runs = list(runs)
    sizes = {setting: images(graph.registry, setting) for setting in {run.setting for run in runs}}
    found: dict[str, Training] = {}
    for run in runs:
        for folder in folders([run]) - found.keys():
            found[folder] = _training(graph, run, folder, sizes[run.setting])
    return [found[folder] for folder in sorted(found)]


def folders(runs: Iterable[Run]) -> set[str]:
    """Folders, below `results/runs`, of the trainings that runs stand on."""
    runs = list(runs)
    return {f"{run.folder}/stage1" for run in runs} | {f"{run.folder}/{run.method}" for run in runs if run.two_stage}


def images(registry: Registry, setting: Setting) -> int | None:
    """N of a setting's subset: of the subset itself where it is there, else from what its source offers.

    None for a source whose class sizes only reading it can tell. Raises InputError as `class_counts` does.
    """
    stored = Path(results.subset(setting.dataset, setting.imbalance))
    if stored.is_file():
        return int(files.read_json(stored, "total")["total"])
    definition = registry.datasets[setting.dataset]
    offered, factor = _class_sizes(definition), factors.ratio(setting.imbalance)
    if offered is None:
        return None
    if factor is None:
        return sum(offered)
    largest, decimals = definition["n_max"] or min(offered), definition.get("decay_decimals")
    return sum(class_counts(largest, factor, len(offered), decimals))


def check_batches(graph: Graph) -> None:
    """InputError where batch norm would have to learn from one image, in a training here whose N is known by now."""
    compute, own = graph.registry.config["compute"], graph.registry
    for run in {(run.setting, run.stage1, run.method): run for run in graph.plan.runs}.values():
        dataset, learning = run.setting.dataset, []
        if run.folder not in graph.imports and compute["processes"] == 1:
            learning.append((imports.wanted_settings(own, run), compute["micro_batches"]))
        if run.two_stage:
            block = settings.stage2(own, dataset, run.setting.imbalance, run.setting.backbone, run.method, run.seed)
            learning += [(block, 1)] if block["batch_norm"] == "shifted" else []
        for told, micro_batches in learning:
            pixels, name = side(own.datasets[dataset]), told["recipe"]["name"]
            if pixels > schedule.one_pixel(told["backbone"]) or (size := images(own, run.setting)) is None:
                continue
            where = f"{place('recipe', name, own.config['recipes'])} (method '{run.method}' on {dataset})"
            recipe = Recipe.parse(told["recipe"])
            with blaming(graph.files, graph.arguments):
                schedule.check_batches(recipe, told["backbone"], size, pixels, micro_batches, where)


def side(definition: dict[str, Any]) -> int:
    """Side in pixels of a data set's training images as the network sees them; of titles, their characters."""
    if form(definition) != IMAGES:
        return int(definition["titles"]["length"])
    if is_streamed(definition):
        preprocessing = definition["preprocessing"]
        return int(preprocessing["random_resized_crop"] or preprocessing["center_crop"])
    return int(of_source(definition, "SIDE", definition["image_size"]))


def _training(graph: Graph, run: Run, folder: str, size: int | None) -> Training:
    wildcards = SimpleNamespace(**vars(run.setting), stage1=run.stage1, method=run.method, seed=run.seed)
    stage = 1 if folder.endswith("/stage1") else 2
    parameters = graph.parameters
    told = parameters.stage1(wildcards) if stage == 1 else parameters.stage2(wildcards)
    imported = stage == 1 and run.folder in graph.imports
    code = parameters.imported_code(wildcards) if imported else parameters.code(f"train_stage{stage}", wildcards)
    pixels = side(graph.registry.datasets[run.setting.dataset])
    return Training(folder, stage, run.setting, json.loads(told), code, size, pixels, imported)


def _class_sizes(definition: dict[str, Any]) -> tuple[int, ...] | None:
    """Training images per class that a source offers."""
    if definition["kind"] == "cifar":
        return CIFAR100 if "100" in definition["archive"]["file"] else CIFAR10
    if definition["kind"] == "folder":
        return tuple(map(len, image_tree.listing(Path(definition["data_dir"]))["train"].values()))
    if definition["kind"] == "image_list":
        lines = Path(definition["train_list"]).read_text(errors="replace").splitlines()
        labels = [line.split()[-1] for line in lines if line.strip()]
        return tuple(Counter(label for label in labels if label.isdecimal()).values())
    told: tuple[int, ...] | None = of_source(definition, "CLASS_SIZES", None)
    return told
