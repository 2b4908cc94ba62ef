"""The trainings of `longtail` for the benchmarks; the only file that uses the engine."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks import data as stored
from benchmarks.worker import Training
from torch import Tensor

from longtail.data import arrays, long_tail
from longtail.data.forms.files import Files
from longtail.data.forms.images import Arrays
from longtail.data.long_tail import Subset
from longtail.engine import forms, graphs, loop, optimizer, schedule, together
from longtail.engine import step as steps
from longtail.engine.batches import Batch
from longtail.engine.progress import State
from longtail.engine.seeding import Epoch
from longtail.features.extract import Features
from longtail.models import network
from longtail.settings.compute import Compute, Seeds
from longtail.settings.part import Part
from longtail.settings.preprocessing import Preprocessing, RandAugment
from longtail.settings.recipe import Evaluation, Recipe, Schedule
from longtail.settings.stage1 import Stage1
from longtail.settings.stage2 import Classifier, Stage2
from longtail.stage1 import train as stage1_train
from longtail.stage1.learner import Stage1Learner
from longtail.stage2.train import FeatureLearner, ImageLearner

SEEDS = Seeds(initialisation=0, order=0)
MIXUP = Part("mixup", {"alpha": 1.0})
REMIX = Part("remix", {"alpha": 1.0, "kappa": 3.0, "tau": 0.5, "reduction": "per_sample"})
RANDAUGMENT = RandAugment(operations=2, magnitude=9)
COMPUTE = Compute(
    device="auto", precision="auto", threads=1, micro_batches=1, processes=1, capture=True, deterministic=False
)
CIFAR = Preprocessing(
    crop_padding=4,
    random_resized_crop=None,
    resize=None,
    center_crop=None,
    flip=True,
    color_jitter=None,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2023, 0.1994, 0.2010),
)
PREPROCESSING = {
    "cifar": CIFAR,
    "digits": replace(CIFAR, crop_padding=0, flip=False, mean=(0.305,), std=(0.376,)),
}
# Of config/datasets/imagenet_lt.yaml; images in memory are neither cropped nor mirrored.
LARGE = Preprocessing(
    crop_padding=0,
    random_resized_crop=224,
    resize=256,
    center_crop=224,
    flip=True,
    color_jitter=(0.4, 0.4, 0.4, 0.0),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)
LARGE_BATCH, LARGE_BATCH_ON_GPU = 8, 256
# MiSLAS's recipe in both stages, on digits as the demo shortens it; trainings here have no end.
RECIPE = Recipe(
    name="MiSLAS",
    epochs=200,
    batch_size=128,
    batches="ceil",
    learning_rate=0.1,
    momentum=0.9,
    nesterov=False,
    weight_decay=2.0e-4,
    schedule=Schedule("step", warmup=0, warmup_from=0, milestones=(), factor=0.1),
    evaluate=Evaluation(every=1, each_from=1),
)
RECIPES = {"cifar": RECIPE, "digits": replace(RECIPE, batch_size=32, learning_rate=0.05, weight_decay=5.0e-4)}


def stage1_settings(like: str, compute: Compute = COMPUTE) -> Stage1:
    """Stage 1 of MiSLAS, which is mixup, on images like `cifar` or `digits`."""
    return Stage1(
        backbone="resnet32",
        recipe=RECIPES[like],
        loss=Part("cross_entropy"),
        head=Part("linear"),
        mixing=MIXUP,
        randaugment=None,
        sampler=Part("instance_balanced"),
        weighting=None,
        deferred=None,
        algorithm=Part("standard"),
        preprocessing=PREPROCESSING[like],
        compute=compute,
        seeds=SEEDS,
    )


def stage2_settings(like: str) -> Stage2:
    """Stage 2 of MiSLAS on images that are not augmented, so that cached features give the same inputs."""
    return Stage2(
        backbone="resnet32",
        recipe=replace(RECIPES[like], batches="ceil_plus_one"),
        classifier=Classifier(keep_stage1=True, weight_rate=0.5, scale_rate=1.0, offset_rate=0.0),
        loss=Part("label_aware_smoothing", {"head": 0.3, "tail": 0.0, "form": "concave", "las_form": "code"}),
        mixing=None,
        sampler=Part("class_aware"),
        generator=Part("real"),
        batch_norm="frozen",
        augment=False,
        preprocessing=PREPROCESSING[like],
        compute=COMPUTE,
        seeds=SEEDS,
    )


def stage1(data: str, **changes: Any) -> Training:
    """Stage 1 on the arrays of a file, endless epochs, with `changes` of the default compute block."""
    images, subset = _load(data)
    return _training(
        Stage1Learner(images, subset, stage1_settings(_like(images), replace(COMPUTE, **changes))), images
    )


def stage1_together(data: str, count: int) -> Training:
    """`count` Stage 1s of one process, round by round, on a CPU with as many threads; it counts the images of all."""
    images, subset = _load(data)
    settings = stage1_settings(_like(images), replace(COMPUTE, threads=count))
    learners = [Stage1Learner(images, subset, settings) for _ in range(count)]
    return Training(_rounds(learners), facts(learners[0], images))


def large(data: str, backbone: str) -> Training:
    """Stage 1 of a backbone on images of 224x224: on a CPU in batches that one thread passes in a second or so."""
    images, subset = _load(data)
    batch = LARGE_BATCH_ON_GPU if torch.cuda.is_available() else LARGE_BATCH
    settings = replace(
        stage1_settings("cifar"),
        backbone=backbone,
        recipe=replace(RECIPE, batch_size=batch),
        preprocessing=replace(LARGE, flip=False, random_resized_crop=None, color_jitter=None),
    )
    learner = Stage1Learner(images, subset, settings)
    return Training((count for count, _ in _steps(learner)), facts(learner, images) | {"backbone": backbone})


def titles(data: str, backbone: str, **changes: Any) -> Training:
    """Stage 1 on the titles of a file under the recipe of TextCNN, endless epochs without a look at other splits."""
    found = stored.load_titles(data)
    settings = replace(
        stage1_settings("cifar", replace(COMPUTE, **changes)),
        backbone=backbone,
        mixing=None,
        preprocessing=None,
        recipe=replace(RECIPE, optimizer="adam", learning_rate=1e-3, weight_decay=0.0),
    )
    learner = Stage1Learner(found, long_tail.natural(found.train_labels, len(found.classes)), settings)
    told = {"backbone": backbone, "image_size": found.train_titles.shape[1]}
    told |= {"batch_size": settings.recipe.batch_size}
    told |= {"precision": str(learner.backend.precision).removeprefix("torch.")}
    return Training((count for count, _ in _steps(learner)), told)


def decoding(data: str, split: str) -> Training:
    """Files read, decoded, augmented and cut as ImageNet-LT's are, in this process as in one of `compute.workers`."""
    torch.set_num_threads(1)
    files = arrays.load(data, str(Path(data).parent))
    assert isinstance(files, Files)
    cpu, indices = torch.device("cpu"), np.arange(len(files.train_files))
    form = forms.of(files, LARGE, cpu)
    examples = form.training(indices, augment=True) if split == "training" else form.testing()
    passes = (examples.batches(indices, LARGE_BATCH, Epoch(number, 0)) for number in itertools.count(1))
    counts = (len(batch) for batch in itertools.chain.from_iterable(passes))
    return Training(counts, {"image_size": LARGE.center_crop, "batch_size": LARGE_BATCH})


def method(data: str, settings: dict[str, Any], first_epoch: int) -> Training:
    """The Stage 1 of any method from some epoch on, its steps counted in images of the set: a batch is its own rows.

    The facts tell how many seconds the images take to get ready once, before training.
    """
    images, subset = _load(data)
    stage1 = Stage1.parse(settings)
    learner = stage1_train.learner(images, subset, stage1, networks=_networks(images, stage1))
    began = time.perf_counter()
    learner.pool(images, subset)
    ready = time.perf_counter() - began
    optimizer.set_rate(learner.optimizer, schedule.learning_rate(stage1.recipe, first_epoch))
    size = stage1.recipe.batch_size
    counts = (min(count, size) for count, _ in _steps(learner, first_epoch))
    return Training(counts, facts(learner, images) | {"backbone": stage1.backbone, "seconds_once": ready})


def _networks(images: Arrays, settings: Stage1) -> dict[str, State]:
    """For each network that a method reads a new one: the arithmetic does not depend on what it has learnt."""
    new = network.build(
        settings.backbone, images.train_images.shape[3], len(images.classes), seed=0, head=settings.head
    )
    return dict.fromkeys(settings.networks, new.state_dict())


def stage2(data: str, cached: bool) -> Training:
    """Stage 2 on cached features, or on the images through the frozen backbone.

    Network and features are drawn: the arithmetic of training does not depend on them.
    """
    images, subset = _load(data)
    settings = stage2_settings(_like(images))
    channels, classes = images.train_images.shape[3], len(images.classes)
    state = network.build("resnet32", channels, classes, seed=0).state_dict()
    features = _features(images, state["classifier.weight"].shape[1])
    learner: FeatureLearner
    if cached:
        learner = FeatureLearner(features, state, subset.counts, settings)
    else:
        learner = ImageLearner(images, subset, features, state, settings)
    return _training(learner, images)


def first_step(data: str) -> None:
    """A Stage 1 up to its first update, done when this returns."""
    float(next(_steps(stage1_learner(data)))[1])


def stage1_learner(data: str, **changes: Any) -> Stage1Learner:
    """A Stage 1 with the default `compute` and changes of its other settings."""
    images, subset = _load(data)
    return Stage1Learner(images, subset, replace(stage1_settings(_like(images)), **changes))


def train(learner: Stage1Learner) -> Callable[[Batch], object]:
    """The function that trains a batch of a learner."""
    return steps.make(learner)


def prepare(learner: Stage1Learner) -> Callable[[Batch], object]:
    """The function that normalises and mixes a batch as in a training step; captured if the step is."""
    if not learner.backend.capture:
        return learner.prepare
    captured = graphs.Captured(lambda *values: learner.prepare(Batch(*values)).inputs)
    return lambda batch: captured(*(value for value in vars(batch).values() if value is not None))


def facts(learner: Stage1Learner | FeatureLearner, images: Arrays) -> dict[str, Any]:
    """The values of a training for a record."""
    return {
        "backbone": "resnet32",
        "image_size": images.train_images.shape[1],
        "batch_size": learner.settings.recipe.batch_size,
        "precision": str(learner.backend.precision).removeprefix("torch."),
    }


def _training(learner: Stage1Learner | FeatureLearner, images: Arrays) -> Training:
    return Training((count for count, _ in _steps(learner)), facts(learner, images))


def _steps(learner: Stage1Learner | FeatureLearner, first_epoch: int = 1) -> Iterator[tuple[int, Tensor]]:
    """Images and loss of each step; like the engine's loop it checks once in a while whether losses are finite."""
    step = steps.make(learner)
    checked = time.monotonic()
    for epoch in itertools.count(first_epoch):
        losses: list[Tensor] = []
        for batch in learner.batches(learner.epoch(epoch)):
            losses.append(step(batch))
            if time.monotonic() - checked >= loop.CHECK_SECONDS:
                torch.isfinite(torch.stack(losses)).all().item()
                checked = time.monotonic()
            yield len(batch.labels), losses[-1]


def _rounds(learners: Sequence[Stage1Learner]) -> Iterator[int]:
    """Images of each round of steps; losses are checked as in `_steps`."""
    step = together.make(learners)
    checked = time.monotonic()
    for epoch in itertools.count(1):
        losses: list[Tensor] = []
        for batches in zip(*(learner.batches(learner.epoch(epoch)) for learner in learners), strict=True):
            losses += step(batches)
            if time.monotonic() - checked >= loop.CHECK_SECONDS:
                torch.isfinite(torch.stack(losses)).all().item()
                checked = time.monotonic()
            yield sum(len(batch.labels) for batch in batches)


def _load(data: str) -> tuple[Arrays, Subset]:
    images = stored.load(data)
    return images, long_tail.natural(images.train_labels, len(images.classes))


def _like(images: Arrays) -> str:
    return "cifar" if images.train_images.shape[3] == 3 else "digits"


def _features(images: Arrays, width: int) -> Features:
    rng = np.random.default_rng(0)
    train, test = (
        rng.random((len(labels), width), dtype=np.float32) for labels in (images.train_labels, images.test_labels)
    )
    logits = [np.zeros((len(labels), len(images.classes)), np.float32) for labels in (train, test)]
    classes = len(images.classes)
    return Features(
        *(train, logits[0], images.train_labels),
        *(test, logits[1], images.test_labels, logits[1]),
        *(train[:0], images.train_labels[:0]),
        *(np.zeros((classes, width), np.float32), np.zeros(classes, np.float32)),
    )
