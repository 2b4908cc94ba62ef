from dataclasses import fields

import numpy as np
import pytest
import torch
from PIL import Image
from tests import small

from longtail.data import long_tail
from longtail.data.forms.files import Files
from longtail.data.forms.images import Arrays
from longtail.engine import checkpoint
from longtail.features import extract
from longtail.features.extract import Features
from longtail.features.hold_out import hold_out
from longtail.models import network
from longtail.runtime.errors import InputError
from longtail.settings.part import Part

AS_THEY_ARE = {
    "crop_padding": 0,
    "random_resized_crop": None,
    "flip": False,
    "resize": None,
    "center_crop": 8,
    "mean": [0.305] * 3,
    "std": [0.376] * 3,
}


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


def test_held_out_are_training_images_that_the_subset_leaves_out(features, checkpoints):
    arrays, subset = small.data()
    held_out = hold_out(arrays.train_labels, subset, 10)
    assert len(held_out) == 940
    close(features.held_out_features, evaluated(checkpoints[0], arrays.train_images[held_out])[0])
    np.testing.assert_array_equal(features.held_out_labels, arrays.train_labels[held_out])
    assert (features.held_out_features.dtype, features.held_out_labels.dtype) == (np.float32, np.int64)


def test_classifier_is_that_of_the_last_checkpoint(features):
    state = small.network_state()
    np.testing.assert_array_equal(features.weight, state["classifier.weight"].numpy())
    np.testing.assert_array_equal(features.bias, state["classifier.bias"].numpy())
    assert features.weight.dtype == features.bias.dtype == np.float32


@pytest.mark.parametrize(
    "head",
    [
        {"name": "rare_start"},
        {"name": "cosine", "scale": 30.0},
        {"name": "causal_norm", "heads": 2, "tau": 16.0, "gamma": 0.03125, "mu": 0.9, "alpha": 1.0},
    ],
)
def test_logits_are_those_of_the_head_as_it_is_tested(tmp_path, head):
    arrays, subset = small.data()
    built = network.build("resnet32", 1, 10, seed=3, head=Part.parse(head))
    images = torch.from_numpy((arrays.test_images[:40].transpose(0, 3, 1, 2) / 255 - 0.305) / 0.376).float()
    with torch.no_grad():
        built(images)  # in training, where running statistics and a mean feature are noted
        built.eval()
        expected = built(images)
    checkpoint.save(tmp_path / "last.pt", built.state_dict())
    found = extract.extract(arrays, subset, small.changed(small.STAGE1, head=head), *[tmp_path / "last.pt"] * 2)
    close(found.test_logits[:40], expected)
    np.testing.assert_array_equal(found.best_test_logits, found.test_logits)
    classifier = ((10, 64), (10,)) if head["name"] == "rare_start" else ((0, 64), (0,))
    assert (found.weight.shape, found.bias.shape) == classifier
    extract.save(tmp_path / "features.npz", found)
    loaded = extract.load(tmp_path / "features.npz")
    assert (loaded.weight.shape, loaded.bias.shape) == classifier
    assert loaded.bias.dtype == np.float32


def test_a_set_used_as_it_is_has_an_empty_hold_out(checkpoints, tmp_path):
    digits, _ = small.data()
    few = Arrays(
        digits.train_images[:40],
        digits.train_labels[:40],
        digits.test_images[:5],
        digits.test_labels[:5],
        digits.classes,
    )
    extract.save(
        tmp_path / "features.npz",
        extract.extract(few, long_tail.natural(few.train_labels, 10), small.STAGE1, *checkpoints),
    )
    loaded = extract.load(tmp_path / "features.npz")
    assert loaded.held_out_features.shape == (0, 64)
    assert loaded.held_out_labels.shape == (0,)
    assert (loaded.held_out_features.dtype, loaded.held_out_labels.dtype) == (np.float32, np.int64)


@pytest.mark.parametrize("workers", [0, 1])
def test_images_in_files_are_held_out_as_arrays_are(tmp_path, workers):
    digits, _ = small.data()
    images = np.repeat(digits.train_images[:60], 3, axis=3)
    files = np.array([f"{number}.png" for number in range(60)])
    for file, pixels in zip(files, images, strict=True):
        Image.fromarray(pixels).save(tmp_path / file)
    labels = digits.train_labels[:40], digits.train_labels[40:60]
    arrays = Arrays(images[:40], labels[0], images[40:], labels[1], digits.classes)
    streamed = Files(str(tmp_path), files[:40], files[40:], *labels, digits.classes)
    subset = long_tail.Subset(np.arange(25), np.bincount(labels[0][:25], minlength=10).tolist())
    settings = small.changed(small.STAGE1, preprocessing=AS_THEY_ARE)
    path = tmp_path / "last.pt"
    checkpoint.save(path, network.build("resnet32", 3, 10, seed=0).state_dict())
    resident, decoded = (extract.extract(data, subset, settings, path, path, workers) for data in (arrays, streamed))
    assert decoded.held_out_features.shape == (15, 64)
    for field in fields(Features):
        np.testing.assert_array_equal(getattr(decoded, field.name), getattr(resident, field.name))


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
