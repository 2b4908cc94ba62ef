"""What is timed is what the workflow trains, and the reference trains the same."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import data, engine, reference, reference_titles
from benchmarks.worker import Training

from longtail.config import settings
from longtail.config.registry import Registry
from longtail.data import arrays
from longtail.data.forms.images import Arrays
from longtail.settings.preprocessing import Preprocessing
from longtail.settings.recipe import Recipe
from longtail.settings.stage1 import Stage1
from longtail.settings.stage2 import Stage2


@pytest.fixture
def images(tmp_path: Path) -> str:
    """150 random 16x16 images of ten classes: a batch of 128 and one of 22."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (150, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(150) % 10
    arrays.save(tmp_path / "few.npz", Arrays(pixels, labels, pixels, labels, [str(label) for label in range(10)]))
    return str(tmp_path / "few.npz")


def steps(training: Training, count: int) -> list[int]:
    """Images of the first steps."""
    return list(itertools.islice(training.steps, count))


def test_the_engine_and_the_reference_train_whole_epochs_alike(images: str) -> None:
    threads = torch.get_num_threads()
    ours, theirs = engine.stage1(images, precision="float32"), reference.training(images)
    assert steps(ours, 3) == steps(theirs, 3) == [128, 22, 128]
    if not torch.cuda.is_available():
        assert ours.facts == theirs.facts
    torch.set_num_threads(threads)


def test_trainings_of_one_process_count_the_images_of_all(images: str) -> None:
    threads = torch.get_num_threads()
    assert steps(engine.stage1_together(images, 2), 3) == [256, 44, 256]
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)


@pytest.mark.parametrize("cached", [True, False])
def test_stage_2_trains_on_features_and_on_images(tmp_path: Path, cached: bool) -> None:
    digits = data.save(tmp_path, "digits")
    training = engine.stage2(digits, cached)
    assert steps(training, 2) == [32, 32]
    assert training.facts["image_size"] == 8


@pytest.mark.parametrize("split", ["training", "test"])
def test_large_images_are_decoded_as_imagenets(tmp_path: Path, shipped: Registry, split: str) -> None:
    _, files = data.save_large(tmp_path)
    assert steps(engine.decoding(files, split), 5) == [8] * 5
    # ImageNet's training files have 110 KB on average (138 GB for 1.28 million).
    assert 80e3 < np.mean([path.stat().st_size for path in tmp_path.glob("*.jpg")]) < 140e3
    assert Preprocessing.parse(shipped.datasets["imagenet_lt"]["preprocessing"]) == engine.LARGE


def test_large_images_are_trained_on(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    images, _ = data.save_large(tmp_path)
    training = engine.large(images, "resnet10")
    assert steps(training, 1) == [8]
    assert (training.facts["backbone"], training.facts["image_size"]) == ("resnet10", 224)
    torch.set_num_threads(threads)


def alike(ours: Recipe, workflow: Recipe) -> Recipe:
    """The workflow's recipe with the length and the schedule of ours."""
    kept = {key: getattr(ours, key) for key in ("name", "epochs", "schedule", "evaluate")}
    return replace(workflow, **kept)


@pytest.mark.parametrize(("like", "dataset"), [("cifar", "cifar10"), ("digits", "digits")])
def test_stage_1_is_that_of_the_workflow(shipped: Registry, like: str, dataset: str) -> None:
    ours = engine.stage1_settings(like)
    workflow = Stage1.parse(settings.stage1(shipped, dataset, "if100", "resnet32", "mixup", seed=0))
    assert ours == replace(workflow, recipe=alike(ours.recipe, workflow.recipe))


@pytest.mark.parametrize(("like", "dataset"), [("cifar", "cifar10"), ("digits", "digits")])
def test_stage_2_is_that_of_the_workflow_but_for_augmentation(shipped: Registry, like: str, dataset: str) -> None:
    ours = engine.stage2_settings(like)
    workflow = Stage2.parse(settings.stage2(shipped, dataset, "if100", "resnet32", "mislas", seed=0))
    assert ours == replace(workflow, recipe=alike(ours.recipe, workflow.recipe), augment=False)


def test_cifar_shaped_data_have_the_class_sizes_of_the_papers() -> None:
    made = data.cifar_shaped()
    assert made.train_images.shape == (12406, 32, 32, 3)
    assert np.bincount(made.train_labels)[[0, 9]].tolist() == [5000, 50]
    assert made.test_images.shape == (10000, 32, 32, 3)


def test_mixup_of_the_reference_mixes_images_as_their_labels() -> None:
    one_hot = torch.eye(5)
    mixed, first, second, share = reference.mixup(one_hot, torch.arange(5), alpha=1.0)
    torch.testing.assert_close(mixed, share * one_hot[first] + (1 - share) * one_hot[second])


@pytest.mark.parametrize("backbone", ["textcnn", "textrnn", "transformer"])
def test_the_engine_and_the_loop_train_titles_alike(tmp_path: Path, backbone: str) -> None:
    threads = torch.get_num_threads()
    titles = data.save_titles(tmp_path)
    ours = engine.titles(titles, backbone, precision="float32")
    theirs = reference_titles.training(titles, backbone, threads=1)
    assert steps(ours, 2) == steps(theirs, 2) == [128, 128]
    if not torch.cuda.is_available():
        assert ours.facts == theirs.facts
    torch.set_num_threads(threads)
