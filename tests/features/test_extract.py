from dataclasses import fields

import numpy as np
import pytest
import torch
from tests import small

from longtail.engine import checkpoint
from longtail.features import extract
from longtail.features.extract import Features
from longtail.models import network
from longtail.runtime.errors import InputError


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """The last checkpoint, and another in the place of the best."""
    folder = tmp_path_factory.mktemp("stage1")
    state = small.network_state()
    checkpoint.save(folder / "last.pt", state)
    checkpoint.save(folder / "best.pt", {name: value * 0.9 for name, value in state.items()})
    return folder / "last.pt", folder / "best.pt"


@pytest.fixture(scope="module")
def features(checkpoints) -> Features:
    return extract.extract(*small.data(), small.STAGE1, *checkpoints)


def evaluated(path, images):
    """Features and logits of the whole network in evaluation mode, of images as they are, in one batch."""
    built = network.build("resnet32", 1, 10, seed=5)
    built.load_state_dict(checkpoint.load(path))
    built.eval()
    normalised = torch.from_numpy((images.transpose(0, 3, 1, 2) / 255 - 0.305) / 0.376).float()
    with torch.no_grad():
        return built.backbone(normalised), built(normalised)


def close(found, expected):
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=1e-4)


def test_features_and_logits_of_the_last_checkpoint(features, checkpoints):
    arrays, subset = small.data()
    for images, found, logits in [
        (arrays.train_images[subset.indices], features.train_features, features.train_logits),
        (arrays.test_images, features.test_features, features.test_logits),
    ]:
        expected = evaluated(checkpoints[0], images)
        close(found, expected[0])
        close(logits, expected[1])
        assert found.dtype == logits.dtype == np.float32


def test_test_logits_of_the_best_checkpoint(features, checkpoints):
    arrays, _ = small.data()
    close(features.best_test_logits, evaluated(checkpoints[1], arrays.test_images)[1])
    assert not np.allclose(features.best_test_logits, features.test_logits, atol=1e-2)


def test_labels_are_those_of_the_subset_in_its_order(features):
    arrays, subset = small.data()
    np.testing.assert_array_equal(features.train_labels, np.repeat(np.arange(10), subset.counts))
    np.testing.assert_array_equal(features.test_labels, arrays.test_labels)


def test_logits_are_the_classifier_of_the_features(features):
    state = small.network_state()
    weight, bias = state["classifier.weight"].numpy(), state["classifier.bias"].numpy()
    np.testing.assert_allclose(features.test_logits, features.test_features @ weight.T + bias, rtol=1e-4, atol=1e-5)


def test_features_survive_their_file(tmp_path, features):
    extract.save(tmp_path / "a.npz", features)
    loaded = extract.load(tmp_path / "a.npz")
    for field in fields(Features):
        before, after = getattr(features, field.name), getattr(loaded, field.name)
        np.testing.assert_array_equal(before, after)
        assert before.dtype == after.dtype
    extract.save(tmp_path / "b.npz", loaded)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_file_that_was_cut_short_is_refused(tmp_path, features, share):
    path = tmp_path / "features.npz"
    extract.save(path, features)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"features\.npz is not a whole features file .*: delete it and run again"):
        extract.load(path)


def test_file_that_holds_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", logits=np.zeros(3))
    for name in ("other.npz", "missing.npz"):
        with pytest.raises(InputError, match=name):
            extract.load(tmp_path / name)
