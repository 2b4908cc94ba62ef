import copy
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests import small
from torch.nn import functional as F

from longtail.data import long_tail
from longtail.data.long_tail import Subset
from longtail.engine import loop, optimizer
from longtail.runtime.errors import InputError
from longtail.runtime.signals import Stopped
from longtail.stage1 import train
from longtail.stage1.algorithms._meta import meta_set

RECIPE = {"epochs": 2, "defer": 1}
CB = {"name": "class_balanced", "beta": 0.9, "mean": "images"}
COSINE = {"name": "cosine", "scale": 30.0}
SETTINGS = small.changed(
    small.STAGE1,
    mixing=None,
    head=COSINE,
    loss={"name": "ldam", "max_margin": 0.5, "scale": 30.0},
    deferred={"weighting": CB},
    algorithm={"name": "mcw", "per_class": 10, "batch_size": 20, "rate": 0.01},
    recipe=RECIPE,
)


def learner(**changes):
    return train.learner(*small.data(), small.changed(SETTINGS, **changes))


def exact(stage):
    """A batch of the second phase in float64, parted into the own images and the meta images."""
    stage.module.double()
    batch = stage.prepare(next(stage.batches(stage.epoch(2))))
    inputs = batch.inputs.double()
    own = copy.copy(batch.rows(slice(None, -20)))
    meta = batch.rows(slice(-20, None))
    object.__setattr__(own, "inputs", inputs[:-20])
    object.__setattr__(meta, "inputs", inputs[-20:])
    return own, meta, own.weights.double()


def meta_loss(stage, own, meta, weights, rate):
    """L_meta after a step on Σ_j w_j·L_j, taken with a network of its own."""
    ahead = copy.deepcopy(stage.module)
    loss = (weights * stage.criterion(ahead(own.inputs), own.labels)).sum()
    gradients = torch.autograd.grad(loss, list(ahead.parameters()))
    with torch.no_grad():
        for value, gradient in zip(ahead.parameters(), gradients, strict=True):
            value -= rate * gradient
        return F.cross_entropy(ahead(meta.inputs), meta.labels).item()


def test_the_correction_is_the_slope_of_the_meta_loss() -> None:
    """By central differences, at a rate so small that no step moves a ReLU across its kink."""
    stage = learner()
    own, meta, weights = exact(stage)
    rate, height = 1e-5, 1e-3
    optimizer.set_rate(stage.optimizer, rate)
    found = stage.correction(own, meta, weights)
    assert found.shape == (32,)
    assert found.dtype == torch.float64
    for number in (0, 7, 31):
        moved = torch.zeros(32, dtype=torch.float64)
        moved[number] = height
        up, down = (meta_loss(stage, own, meta, weights + sign * moved, rate) for sign in (1, -1))
        assert found[number].item() == pytest.approx(-0.01 * (up - down) / (2 * height), rel=1e-6), number
    # Small as it is, the step ahead is seen.
    without = stage.correction(own, meta, 0 * weights)
    assert abs(found / without - 1).median() > 1e-4


def test_the_correction_touches_nothing() -> None:
    stage = learner()
    own, meta, weights = exact(stage)
    before = {name: value.clone() for name, value in stage.module.state_dict().items()}
    stage.correction(own, meta, weights)
    assert all(torch.equal(value, before[name]) for name, value in stage.module.state_dict().items())
    assert all(value.grad is None for value in stage.module.parameters())


def test_the_loss_of_the_second_phase_has_the_corrected_weights() -> None:
    stage = learner()
    mixed = stage.prepare(next(stage.batches(stage.epoch(2))))
    optimizer.set_rate(stage.optimizer, 0.01)
    own, meta = mixed.rows(slice(None, 32)), mixed.rows(slice(32, None))
    raw = 0.1 / (1 - 0.9 ** np.array(small.data()[1].counts))
    weights = torch.from_numpy(raw / raw.mean()).float()[own.labels]
    corrected = weights + stage.correction(own, meta, weights)
    alone = copy.deepcopy(stage.module)
    losses = stage.criterion(alone(own.inputs), own.labels)
    loss = stage.loss(mixed)
    assert loss.item() == pytest.approx((corrected * losses).mean().item(), rel=1e-5)
    assert loss.item() != pytest.approx((weights * losses).mean().item(), rel=1e-5)
    # Meta images leave no trace in the running statistics.
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(stage.module.state_dict()[name], value, msg=name)


def test_weights_over_their_mean_are_over_that_of_the_images_trained_on() -> None:
    """Not of the meta images behind them, which are balanced."""
    stage = learner(deferred={"weighting": CB | {"mean": "weights"}})
    given = []
    stage.correction = lambda own, meta, weights: given.append((own.labels, weights)) or torch.zeros(len(weights))
    stage.loss(stage.prepare(next(stage.batches(stage.epoch(2)))))
    ((labels, weights),) = given
    raw = 0.1 / (1 - 0.9 ** np.array(small.data()[1].counts))
    np.testing.assert_allclose(weights, raw[labels] / raw[labels].mean(), rtol=1e-5)


def test_meta_images_stand_behind_each_batch_of_the_second_phase() -> None:
    stage = learner()
    assert [len(batch.labels) for batch in stage.batches(stage.epoch(1))] == [32] * 6 + [7]
    found = list(stage.batches(stage.epoch(2)))
    assert [len(batch.labels) for batch in found] == [52] * 6 + [27]
    own = torch.cat([batch.labels[:-20] for batch in found])
    assert torch.bincount(own).tolist() == small.data()[1].counts
    # All 100 meta images come once before any comes again.
    assert torch.bincount(torch.cat([batch.labels[-20:] for batch in found[:5]])).tolist() == [10] * 10


@pytest.mark.parametrize("n_max", [50, None])
def test_the_meta_set_is_balanced_and_apart(n_max: int | None) -> None:
    """Class 0 has 118 images: with n_max 50 each class leaves enough out; of 114 kept it has to give 6."""
    labels = small.data()[0].train_labels
    subset = long_tail.cut(labels, 10, 10, seed=0, n_max=n_max)
    kept, meta = meta_set(labels, subset, 10, "mcw")
    assert np.bincount(labels[meta]).tolist() == [10] * 10
    assert len(set(meta.tolist())) == 100
    assert not set(meta.tolist()) & set(kept.tolist())
    given = set(meta.tolist()) & set(subset.indices.tolist())
    assert set(kept.tolist()) | given == set(subset.indices.tolist())
    expected = list(subset.counts)
    expected[0] -= 0 if n_max else 6
    assert np.bincount(labels[kept]).tolist() == expected
    assert {labels[index] for index in given} == (set() if n_max else {0})
    assert kept.tolist() == [index for index in subset.indices.tolist() if index not in given]


def test_the_meta_set_has_one_order_for_all_subsets() -> None:
    labels = small.data()[0].train_labels
    subsets = [long_tail.cut(labels, factor, 10, seed=0, n_max=50) for factor in (10, 20)]
    sets = [meta_set(labels, subset, 10, "mcw")[1] for subset in subsets]
    assert len(set(sets[0].tolist()) & set(sets[1].tolist())) > 80


def test_a_class_that_would_be_used_up_is_refused() -> None:
    labels = np.repeat([0, 1, 2], [6, 5, 4])
    whole = Subset(np.arange(15), [6, 5, 4])
    kept, meta = meta_set(labels, whole, 3, "mcw")
    assert np.bincount(labels[kept]).tolist() == [3, 2, 1]
    assert meta.tolist() == [3, 4, 5, 8, 9, 10, 12, 13, 14]
    with pytest.raises(
        InputError, match="4 meta images of class 2, which has 4 and 0 that the subset leaves out: low"
    ):
        meta_set(labels, whole, 4, "mcw")
    with pytest.raises(InputError, match="5 meta images of class 1, which has 5 and 0"):
        meta_set(labels, whole, 5, "mcw")


def run(folder, settings):
    return train.train(*small.data(), settings, small.resume(folder))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training of both phases without interruption."""
    return run(tmp_path_factory.mktemp("whole"), SETTINGS)


def test_the_first_phase_is_plain_cross_entropy_to_the_byte(whole: Any, tmp_path: Path) -> None:
    plain = small.changed(small.STAGE1, mixing=None, head=COSINE, recipe=RECIPE)
    fitted = run(tmp_path, plain)
    assert whole.history[0] == fitted.history[0]
    assert whole.history[1]["loss"] != fitted.history[1]["loss"]


def test_a_run_stopped_in_its_second_phase_goes_on_to_the_same_bytes(whole: Any, tmp_path: Path) -> None:
    stage, resume = learner(), small.resume(tmp_path)
    batches = stage.batches

    def stopping(epoch):
        for number, batch in enumerate(batches(epoch), start=epoch.first_batch):
            if (epoch.number, number) == (2, 3):
                signal.raise_signal(signal.SIGTERM)
            yield batch

    stage.batches = stopping
    with pytest.raises(Stopped, match="in epoch 2 after step 4"):
        loop.fit(stage, SETTINGS.recipe, resume)
    fitted = loop.fit(learner(), SETTINGS.recipe, small.resume(tmp_path))
    assert fitted.history == whole.history
    assert all(torch.equal(value, whole.last_state[name]) for name, value in fitted.last_state.items())
