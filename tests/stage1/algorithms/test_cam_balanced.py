"""The training set with images made by class activation maps."""

import dataclasses
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests import small

from longtail import imbalance
from longtail.data.forms.files import Files
from longtail.engine import loop, seeding
from longtail.engine.seeding import Epoch
from longtail.models import network
from longtail.runtime.errors import InputError
from longtail.runtime.signals import Stopped
from longtail.stage1 import train
from longtail.stage1.algorithms import _pasting, cam_balanced

DATA, SUBSET = small.data()
LABELS = DATA.train_labels[SUBSET.indices]
NETWORKS = {"start": small.network_state(), "maps": small.network_state()}
SETTINGS = small.changed(
    small.STAGE1,
    sampler={"name": "class_balanced"},
    algorithm={"name": "cam_balanced", "view": "plain", "box": "whole"},
    networks={"start": "mixup", "maps": "mixup"},
    recipe={"epochs": 2},
)


def learner(networks: Any = None, **changes: Any) -> Any:
    return train.learner(DATA, SUBSET, small.changed(SETTINGS, **changes), networks=networks or NETWORKS)


def made(networks: Any = None, **changes: Any) -> Any:
    stage = learner(networks, **changes)
    return stage.pool(DATA, SUBSET)[0].train_images[len(LABELS) :]


@pytest.mark.parametrize(
    ("n_max", "classes", "factor", "images"),
    [(5000, 10, 100, 38_094), (500, 100, 100, 39_653), (5000, 10, 50, 37_004), (500, 100, 50, 38_392)],
)
def test_new_images_of_cifar(n_max: int, classes: int, factor: float, images: int) -> None:
    """As many as the methods card counts."""
    counts = imbalance.class_counts(n_max, factor, classes)

    found = cam_balanced.lacking(counts)

    assert found.sum() == images
    assert len(set(found + np.array(counts))) == 1
    if (classes, factor) == (10, 100):
        assert found.tolist() == [50, 2053, 3254, 3973, 4405, 4663, 4818, 4911, 4967, 5000]
        assert found.sum() + sum(counts) == 50_500


def test_a_class_without_images_gets_none() -> None:
    assert cam_balanced.lacking([4, 0, 1]).tolist() == [1, 0, 4]


def test_the_set_is_balanced_and_begins_with_the_subset() -> None:
    stage = learner()
    pool, indices, labels = stage.pool(DATA, SUBSET)

    # 50 + 5 of each of ten classes.
    assert np.bincount(labels).tolist() == [55] * 10
    assert len(indices) == len(stage.train) == 550
    np.testing.assert_array_equal(pool.train_images[:199], DATA.train_images[SUBSET.indices])
    assert pool.test_images is DATA.test_images


def test_an_epoch_is_as_long_as_without_it_and_balanced() -> None:
    stage = learner()
    drawn = torch.cat([batch.labels for batch in stage.batches(stage.epoch(1))])

    assert len(drawn) == 199
    # Of 199 draws of ten classes 19.9 on average each, with a standard deviation of 4.2.
    assert abs(torch.bincount(drawn) - 19.9).max() < 4 * 4.3
    assert (stage.order(stage.epoch(1)) >= 199).any()


def test_new_images_are_pasted_by_the_maps_of_the_images_that_they_are_made_of() -> None:
    rng = Epoch(0, 0).generator(seeding.SYNTHESIS)
    bases = cam_balanced.drawn_bases(LABELS, SUBSET.counts, rng)
    motions = _pasting.draw(len(bases), rng)
    built = network.build("resnet32", 1, 10, seed=0).eval()
    built.load_state_dict(small.network_state())
    images = torch.from_numpy(DATA.train_images[SUBSET.indices]).permute(0, 3, 1, 2)
    inputs = (images / 255 - 0.305) / 0.376

    found = made()

    for number in (0, 17, 200, len(bases) - 1):
        row, rows = int(bases[number]), slice(number, number + 1)
        with torch.no_grad():
            maps = built.backbone.stages(torch.relu(built.backbone.bn1(built.backbone.conv1(inputs[[row]]))))
            activation = (built.classifier.weight[LABELS[row]][:, None, None] * maps[0]).sum(0, keepdim=True)
        moved = _pasting.pasted(images[[row]], activation, motions.rows(rows), "whole")
        np.testing.assert_array_equal(found[number], moved[0].permute(1, 2, 0).numpy())
    changed = (found != DATA.train_images[SUBSET.indices][bases]).any((1, 2, 3))
    assert changed.mean() > 0.8


def test_new_images_depend_on_order_seed_maps_and_settings_only() -> None:
    other = {key: value.flip(0) if key == "classifier.weight" else value for key, value in NETWORKS["maps"].items()}

    same = made()

    np.testing.assert_array_equal(made(seeds={"initialisation": 5, "order": 0}), same)
    np.testing.assert_array_equal(made({"maps": NETWORKS["maps"], "start": other}), same)
    assert (made(seeds={"initialisation": 0, "order": 1}) != same).any()
    assert (made({"maps": other, "start": NETWORKS["start"]}) != same).any()
    assert (made(algorithm={"box": "first_lines"}) != same).any()
    assert (made(algorithm={"view": "augmented"}) != same).any()


def test_all_layers_start_from_the_network() -> None:
    for key, value in learner().module.state_dict().items():
        assert torch.equal(value, NETWORKS["start"][key]), key


def test_a_run_that_is_stopped_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole = train.train(DATA, SUBSET, SETTINGS, small.resume(tmp_path), networks=NETWORKS)
    (tmp_path / "stopped").mkdir()
    stage, resume = learner(), small.resume(tmp_path / "stopped")
    batches = stage.batches

    def stopping(epoch):
        for number, batch in enumerate(batches(epoch), start=epoch.first_batch):
            if (epoch.number, number) == (2, 3):
                signal.raise_signal(signal.SIGTERM)
            yield batch

    stage.batches = stopping
    with pytest.raises(Stopped, match="in epoch 2 after step 4"):
        loop.fit(stage, SETTINGS.recipe, resume)
    fitted = loop.fit(learner(), SETTINGS.recipe, small.resume(tmp_path / "stopped"))

    assert fitted.history == whole.history
    assert all(torch.equal(value, whole.last_state[name]) for name, value in fitted.last_state.items())


def test_images_in_files_are_refused() -> None:
    labels = np.arange(4) % 2
    files = np.array(["a.png"] * 4)
    with pytest.raises(InputError, match="algorithm cam_balanced makes images from pixels in memory"):
        train.learner(Files(".", files, files, labels, labels, ["a", "b"]), SUBSET, SETTINGS, networks=NETWORKS)


def test_a_network_of_other_classes_is_refused() -> None:
    fewer = dataclasses.replace(DATA, classes=DATA.classes[:9])
    with pytest.raises(InputError, match="has another backbone or classifier"):
        train.learner(fewer, SUBSET, SETTINGS, networks=NETWORKS)
