import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests import small

from longtail.engine import checkpoint, device, loop
from longtail.features import extract
from longtail.models import network
from longtail.stage2 import train
from longtail.stage2.inputs import features_suffice

STILL = {"crop_padding": 0, "flip": False}
CRT = {"keep_stage1": False, "weight_rate": 1.0, "scale_rate": 0.0, "offset_rate": 0.0}


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage1")
    checkpoint.save(folder / "last.pt", small.network_state())
    return extract.extract(*small.data(), small.STAGE1, folder / "last.pt", folder / "last.pt")


def image_learner(kind, features, settings):
    return kind(*small.data(), features, small.network_state(), settings)


def run(features, folder, settings):
    state = small.network_state()
    return train.train(*small.data(), features, state, settings, small.resume(folder))


def through_network(state, images):
    """Logits of a backbone and a scaled classifier, put together here, in evaluation mode."""
    built = network.build("resnet32", 1, 10, seed=9)
    built.backbone.load_state_dict(
        {name.removeprefix("backbone."): value for name, value in state.items() if name.startswith("backbone.")}
    )
    built.eval()
    normalised = torch.from_numpy((images.transpose(0, 3, 1, 2) / 255 - 0.305) / 0.376).float()
    with torch.no_grad():
        unscaled = built.backbone(normalised) @ state["classifier.weight"].T + state["classifier.bias"]
        return (state["classifier.scale"] * unscaled).numpy()


@pytest.mark.parametrize("classifier", [small.STAGE2.classifier, CRT])
def test_cached_features_give_what_images_give(features: Any, tmp_path: Path, classifier: Any) -> None:
    settings = small.changed(small.STAGE2, augment=False, classifier=classifier)
    assert features_suffice(settings)
    cached = train.FeatureLearner(features, small.network_state(), small.data()[1].counts, settings)
    seen = image_learner(train.ImageLearner, features, settings)
    first, second = (
        loop.fit(learner, settings.recipe, small.resume(tmp_path / name))
        for learner, name in ((cached, "a"), (seen, "b"))
    )
    for name, value in first.last_state.items():
        torch.testing.assert_close(second.last_state[name], value, rtol=1e-4, atol=1e-5)
    start = small.network_state()["classifier.weight"]
    assert (first.last_state["weight"] - start).abs().max() > 0.01
    losses = [[row["loss"] for row in fitted.history] for fitted in (first, second)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_shortcut_is_taken_where_it_is_exact(features: Any, tmp_path: Path) -> None:
    still = small.changed(small.STAGE2, preprocessing=STILL)
    trained = run(features, tmp_path, still)
    settings = small.changed(small.STAGE2, augment=False)
    learner = train.FeatureLearner(features, small.network_state(), small.data()[1].counts, settings)
    fitted = loop.fit(learner, settings.recipe, small.resume(tmp_path / "other"))
    assert trained.fitted.history == fitted.history
    assert all(torch.equal(value, fitted.last_state[name]) for name, value in trained.fitted.last_state.items())


def test_epoch_is_balanced_and_one_batch_longer_than_the_images(features: Any) -> None:
    settings = small.changed(small.STAGE2, augment=False)
    learner = train.FeatureLearner(features, small.network_state(), small.data()[1].counts, settings)
    drawn = [batch.labels for batch in learner.batches(learner.epoch(1))]
    assert [len(labels) for labels in drawn] == [32] * 8  # ceil(199 / 32) + 1
    assert np.ptp(torch.bincount(torch.cat(drawn)).numpy()) <= 4


def test_frozen_backbone_stays_as_it_is(features: Any, tmp_path: Path) -> None:
    learner = image_learner(train.ImageLearner, features, small.STAGE2)
    loop.fit(learner, small.STAGE2.recipe, small.resume(tmp_path))
    stage1 = small.network_state()
    for name, value in learner.backbone.state_dict().items():
        assert torch.equal(value, stage1[f"backbone.{name}"])


def test_frozen_run_ends_with_the_logits_of_its_classifier(features: Any, tmp_path: Path) -> None:
    trained = run(features, tmp_path, small.STAGE2)
    stage1 = small.network_state()
    images = small.data()[0].test_images
    for logits, state in [
        (trained.last, trained.fitted.last_state),
        (trained.best, trained.fitted.best_state),
    ]:
        whole = stage1 | {f"classifier.{name}": value for name, value in state.items()}
        np.testing.assert_allclose(logits, through_network(whole, images), rtol=1e-3, atol=1e-4)


def test_mixed_images_pass_through_the_backbone(features: Any) -> None:
    settings = small.changed(small.STAGE2, mixing={"name": "mixup", "alpha": 1.0})
    learner = image_learner(train.ImageLearner, features, settings)
    batch = next(learner.batches(learner.epoch(1)))
    mixed = learner.prepare(batch)
    assert mixed.inputs.shape == (32, 64)
    assert not mixed.inputs.requires_grad
    images = (batch.inputs.permute(0, 3, 1, 2) / 255 - 0.305) / 0.376
    both = batch.share * images + (1 - batch.share) * images[batch.partner]
    torch.testing.assert_close(mixed.inputs, learner.backbone(both.float()), rtol=1e-3, atol=1e-4)
    logits = learner.classifier(mixed.inputs)
    first, second = learner.criterion(logits, batch.labels), learner.criterion(logits, batch.labels[batch.partner])
    expected = (batch.share * first + (1 - batch.share) * second).mean()
    torch.testing.assert_close(learner.loss(mixed), expected)


@pytest.fixture(scope="module")
def shifted(features, tmp_path_factory):
    settings = small.changed(small.STAGE2, batch_norm="shifted")
    return run(features, tmp_path_factory.mktemp("shifted"), settings)


def test_shifted_batch_norm_moves_statistics_and_nothing_else(shifted: Any) -> None:
    stage1, state = small.network_state(), shifted.fitted.last_state
    batches = 2 * 8  # epochs times batches of an epoch
    for name, value in stage1.items():
        if not name.startswith("backbone."):
            continue
        if name.endswith(("running_mean", "running_var")):
            assert not torch.equal(state[name], value)
        elif name.endswith("num_batches_tracked"):
            assert state[name] == value + batches
        else:
            assert torch.equal(state[name], value)
    assert not torch.equal(state["classifier.weight"], stage1["classifier.weight"])


def test_shifted_batch_norm_is_fused_where_it_is_asked_for(features: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU that stands for a GPU."""
    calls, prepare = [], device.prepare
    monkeypatch.setattr(device, "prepare", lambda *given: dataclasses.replace(prepare(*given), fused=True))
    monkeypatch.setattr(network, "fuse", lambda *given: calls.append(given))
    learner = image_learner(train.ShiftedLearner, features, small.changed(small.STAGE2, batch_norm="shifted"))
    assert calls == [(learner.module, "resnet32", torch.float32)]


def test_shifted_statistics_follow_the_batches_with_momentum(features: Any) -> None:
    settings = small.changed(small.STAGE2, batch_norm="shifted")
    learner = image_learner(train.ShiftedLearner, features, settings)
    seen = []
    learner.backbone.conv1.register_forward_hook(lambda module, given, out: seen.append(out.clone()))
    old = learner.backbone.bn1.running_mean.clone(), learner.backbone.bn1.running_var.clone()
    learner.prepare(next(learner.batches(learner.epoch(1))))
    expected_mean = 0.9 * old[0] + 0.1 * seen[0].mean((0, 2, 3))
    expected_variance = 0.9 * old[1] + 0.1 * seen[0].var((0, 2, 3), correction=1)
    torch.testing.assert_close(learner.backbone.bn1.running_mean, expected_mean)
    torch.testing.assert_close(learner.backbone.bn1.running_var, expected_variance)


def test_shifted_run_is_tested_under_its_new_statistics(shifted: Any, features: Any) -> None:
    images = small.data()[0].test_images
    for logits, state in [
        (shifted.last, shifted.fitted.last_state),
        (shifted.best, shifted.fitted.best_state),
    ]:
        np.testing.assert_allclose(logits, through_network(state, images), rtol=1e-3, atol=1e-4)
    top1 = (shifted.last.argmax(1) == features.test_labels).mean()
    assert shifted.fitted.history[-1]["test_top1"] == pytest.approx(top1, abs=1e-9)


def test_testing_does_not_shift(features: Any) -> None:
    settings = small.changed(small.STAGE2, batch_norm="shifted")
    learner = image_learner(train.ShiftedLearner, features, settings)
    before = {name: value.clone() for name, value in learner.module.state_dict().items()}
    learner.test_top1()
    assert all(torch.equal(value, before[name]) for name, value in learner.module.state_dict().items())


def test_what_stage1_kept_frozen_does_not_shift(features: Any, tmp_path: Path) -> None:
    settings = small.changed(small.STAGE2, batch_norm="shifted", frozen=["earlier_stages"])
    state, stage1 = run(features, tmp_path, settings).fitted.last_state, small.network_state()
    moved = {name for name, value in stage1.items() if "running_" in name and not torch.equal(value, state[name])}
    statistics = {name for name in stage1 if "running_" in name}
    assert moved == {name for name in statistics if name.startswith("backbone.stages.2.")}


class Interrupted(Exception):
    """Stands for a job that is killed."""


def test_shifted_run_goes_on_where_it_was(
    shifted: Any, features: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small.changed(small.STAGE2, batch_norm="shifted")
    monkeypatch.setattr(loop, "CHECK_SECONDS", 0)
    monkeypatch.setattr("longtail.engine.resume.SAVE_SHARE", 0)
    batches = train.ShiftedLearner.batches

    def killed(self, epoch):
        for number, batch in enumerate(batches(self, epoch)):
            if (epoch.number, number) == (2, 3):
                raise Interrupted
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(train.ShiftedLearner, "batches", killed)
        with pytest.raises(Interrupted):
            run(features, tmp_path, settings)
    again = run(features, tmp_path, settings)
    assert again.fitted.history == shifted.fitted.history
    np.testing.assert_array_equal(again.last, shifted.last)
    np.testing.assert_array_equal(again.best, shifted.best)


def test_logits_file_holds_both_protocols(shifted: Any, features: Any, tmp_path: Path) -> None:
    train.save_logits(tmp_path / "logits.npz", shifted, features.test_labels)
    with np.load(tmp_path / "logits.npz") as stored:
        assert set(stored) == {"last", "best", "labels"}
        np.testing.assert_array_equal(stored["last"], shifted.last)
        np.testing.assert_array_equal(stored["best"], shifted.best)
        np.testing.assert_array_equal(stored["labels"], features.test_labels)
        assert stored["last"].dtype == np.float32
