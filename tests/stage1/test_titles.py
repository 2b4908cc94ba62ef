"""Stage 1, features and Stage 2 on titles: made-up ones, a few steps."""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from tests import small

from longtail.data import long_tail
from longtail.data.long_tail import cut
from longtail.data.sources import made_titles
from longtail.engine import checkpoint, loop
from longtail.features import extract
from longtail.runtime.errors import InputError
from longtail.stage1 import train
from longtail.stage1.learner import Stage1Learner
from longtail.stage2 import train as stage2

STOPPING = {"every": 4, "patience": 8}
RECIPE = {"optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "early_stopping": STOPPING}
RECIPE |= {"schedule": {"warmup": 0}}
STAGE1 = small.changed(small.STAGE1, backbone="textcnn", mixing=None, preprocessing=None, recipe=RECIPE)
STAGE2 = small.changed(small.STAGE2, loss={"name": "cross_entropy"}, preprocessing=None)
BACKBONES = ["textcnn", "textrnn", "transformer"]


class Interrupted(Exception):
    """Stands for a job that is killed."""


@functools.cache
def data():
    titles = made_titles.read({"titles": {"length": 12, "dimensions": 20}}, None)
    return titles, cut(titles.train_labels, 10, 8, 0, 40, 1)


def settings(**changes):
    return small.changed(STAGE1, **changes)


def fit(folder, **changes):
    return train.train(*data(), settings(**changes), small.resume(folder))


def assert_same(one, other):
    assert one.history == other.history
    for a, b in ((one.last_state, other.last_state), (one.best_state, other.best_state)):
        assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_same_seed_gives_the_same_tensors_and_dropout_its_own(tmp_path: Path, backbone: str) -> None:
    first, again = (fit(tmp_path / name, backbone=backbone) for name in "ab")
    assert_same(first, again)
    other = fit(tmp_path / "c", backbone=backbone, seeds={"initialisation": 0, "order": 1})
    assert other.history != first.history
    assert first.history[-1]["loss"] < first.history[0]["loss"]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_run_killed_within_an_epoch_ends_with_the_same_tensors(
    tmp_path: Path, backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(tmp_path / "whole", backbone=backbone)
    monkeypatch.setattr(loop, "CHECK_SECONDS", 0)
    monkeypatch.setattr("longtail.engine.resume.SAVE_SHARE", 0)
    steps = 0
    loss = Stage1Learner.loss

    def counted(learner, batch):
        nonlocal steps
        steps += 1
        if steps == 7:
            raise Interrupted
        return loss(learner, batch)

    monkeypatch.setattr(Stage1Learner, "loss", counted)
    with pytest.raises(Interrupted):
        fit(tmp_path / "killed", backbone=backbone)
    torch.manual_seed(99)  # what a new process's generator holds does not matter
    assert_same(fit(tmp_path / "killed", backbone=backbone), whole)


def test_dropout_is_that_of_the_step_and_not_of_the_process() -> None:
    learner = Stage1Learner(*data(), settings())
    masks = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        batch = next(learner.batches(learner.epoch(1, 2)))
        masks.append(learner.module(batch.inputs))
    assert torch.equal(*masks)
    images = Stage1Learner(*small.data(), small.STAGE1)
    before = torch.get_rng_state()
    next(images.batches(images.epoch(1)))
    assert torch.equal(torch.get_rng_state(), before), "networks without dropout leave the generator alone"


def test_what_ends_a_training_is_the_lowest_validation_loss(tmp_path: Path) -> None:
    fitted = fit(tmp_path)
    learner = Stage1Learner(*data(), settings())
    learner.module.load_state_dict(fitted.last_state)
    lowest = min(row["validation_loss"] for row in fitted.history if row["validation_loss"] is not None)
    assert learner.validation_loss() <= lowest + 1e-12
    assert learner.module.training


def test_stopping_early_without_a_validation_split_is_refused(tmp_path: Path) -> None:
    recipe = {"early_stopping": {"every": 1, "patience": 2}}
    images, _ = small.data()
    whole = long_tail.natural(images.train_labels, 10)
    with pytest.raises(InputError, match="no validation split: use one without early_stopping"):
        train.train(images, whole, small.changed(small.STAGE1, recipe=recipe), small.resume(tmp_path))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_features_and_a_stage2_on_them(tmp_path: Path, backbone: str) -> None:
    titles, subset = data()
    fitted = fit(tmp_path, backbone=backbone)
    for name in ("last", "best"):
        checkpoint.save(tmp_path / f"{name}.pt", getattr(fitted, f"{name}_state"))
    stage1_settings = settings(backbone=backbone)
    features = extract.extract(titles, subset, stage1_settings, tmp_path / "last.pt", tmp_path / "best.pt")
    logits = features.train_features @ features.weight.T + features.bias
    assert np.allclose(logits, features.train_logits, atol=1e-4), "features are those without dropout"
    again = extract.extract(titles, subset, stage1_settings, tmp_path / "last.pt", tmp_path / "best.pt")
    assert np.array_equal(features.test_logits, again.test_logits)
    block = small.changed(STAGE2, backbone=backbone)
    trained = stage2.train(titles, subset, features, fitted.last_state, block, small.resume(tmp_path / "stage2"))
    assert trained.last.shape == (len(titles.test_labels), 8)
    assert (trained.last != features.test_logits).any()
