"""Rotation prediction, and a Stage 1 that starts from its backbone."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from tests import small

from longtail.data.forms.files import Files
from longtail.engine.progress import State
from longtail.runtime.errors import InputError
from longtail.settings.stage1 import Stage1
from longtail.stage1 import train
from longtail.stage1.algorithms import rotation

DATA, SUBSET = small.data()
SETTINGS = small.changed(small.STAGE1, mixing=None, algorithm={"name": "rotation"})
STARTING = small.changed(small.STAGE1, mixing=None, networks={"start": "rotation"})


def test_turns_are_counter_clockwise() -> None:
    """The fixture of the card: one quarter turn of [[1, 2], [3, 4]] is [[2, 4], [1, 3]]."""
    images = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(4, 1, 2, 2)

    found = rotation.turned(images, torch.tensor([1, 0, 2, 3]))[:, 0].tolist()

    assert found == [[[2, 4], [1, 3]], [[1, 2], [3, 4]], [[4, 3], [2, 1]], [[3, 1], [4, 2]]]


@pytest.mark.parametrize(("size", "counts"), [(128, 33), (5, 2), (1, 1)])
def test_a_batch_has_each_turn_nearly_equally_often(size: int, counts: int) -> None:
    """33 of each are permuted and cut to 128."""
    found = rotation.turns(size, np.random.default_rng(0))

    assert len(found) == size
    assert np.bincount(found, minlength=4).max() <= counts
    assert (found != rotation.turns(size, np.random.default_rng(1))).any() or size == 1


def test_labels_are_turns_and_images_are_turned_by_them() -> None:
    learner = train.learner(DATA, SUBSET, small.changed(SETTINGS, preprocessing={"crop_padding": 0, "flip": False}))
    upright = small.changed(small.STAGE1, mixing=None, preprocessing={"crop_padding": 0, "flip": False})
    plain = train.learner(DATA, SUBSET, upright)
    pairs = zip(learner.batches(learner.epoch(1)), plain.batches(plain.epoch(1)), strict=True)

    for batch, same in pairs:
        assert torch.equal(batch.inputs, same.inputs)
        inputs, unturned = learner.prepare(batch).inputs, plain.prepare(same).inputs
        for image, before, label in zip(inputs, unturned, batch.labels.tolist(), strict=True):
            assert torch.equal(image, torch.rot90(before, label, (1, 2)))


def test_batches_from_the_middle_of_an_epoch_are_those_of_a_whole_one() -> None:
    learner = train.learner(DATA, SUBSET, SETTINGS)
    whole = list(learner.batches(learner.epoch(2)))
    rest = list(learner.batches(learner.epoch(2, first_batch=3)))

    assert len(whole) == len(rest) + 3
    for one, other in zip(whole[3:], rest, strict=True):
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.inputs, other.inputs)


def test_no_class_is_seen() -> None:
    """With other labels of the same subset the same network comes out."""
    shuffled = dataclasses.replace(DATA, train_labels=DATA.train_labels[::-1].copy())

    states = [train.learner(data, SUBSET, SETTINGS) for data in (DATA, shuffled)]

    for one, other in zip(*(each.batches(each.epoch(1)) for each in states), strict=True):
        assert torch.equal(one.labels, other.labels)


def test_turns_are_learnt_and_tested(tmp_path: Path) -> None:
    fitted = train.train(DATA, SUBSET, small.changed(SETTINGS, recipe={"epochs": 12}), small.resume(tmp_path))

    assert fitted.last_state["classifier.weight"].shape == (4, 64)
    assert fitted.history[-1]["test_top1"] is not None
    # Five standard deviations above guessing.
    assert fitted.history[-1]["test_top1"] > 0.25 + 5 * (0.25 * 0.75 / len(DATA.test_labels)) ** 0.5


def test_a_training_starts_from_the_backbone_and_not_from_the_classifier() -> None:
    start = {key: value + 1 if value.is_floating_point() else value for key, value in small.network_state().items()}

    learner = train.learner(DATA, SUBSET, STARTING, networks={"start": start})
    alone = train.learner(DATA, SUBSET, small.changed(small.STAGE1, mixing=None))

    for key, value in learner.module.state_dict().items():
        expected = start[key] if key.startswith("backbone.") else alone.module.state_dict()[key]
        assert torch.equal(value, expected), key


@pytest.mark.parametrize(("settings", "networks"), [(STARTING, {}), (SETTINGS, {"start": {}})])
def test_a_network_that_is_missing_or_not_read_is_refused(settings: Stage1, networks: dict[str, State]) -> None:
    with pytest.raises(InputError, match=r"a Stage 1 that reads the networks (start got none|none got start)"):
        train.learner(DATA, SUBSET, settings, networks=networks)


def test_another_backbone_is_refused() -> None:
    other = {f"backbone.{key}": torch.ones(1) for key in ("weight", "bias")}

    with pytest.raises(InputError, match="the network that is read has another backbone"):
        train.learner(DATA, SUBSET, STARTING, networks={"start": other})


def test_images_in_files_and_oblong_ones_are_refused(tmp_path: Path) -> None:
    names, labels = np.array(["a.png"]), np.zeros(1, dtype=np.int64)
    files = Files(str(tmp_path), names, names, labels, labels, ["a"])
    with pytest.raises(InputError, match="algorithm rotation turns images in memory"):
        train.learner(files, SUBSET, SETTINGS)
    oblong = dataclasses.replace(DATA, test_images=DATA.test_images[:, :4])
    with pytest.raises(InputError, match=re.escape("these are 4 x 8")):
        train.learner(oblong, SUBSET, SETTINGS)
