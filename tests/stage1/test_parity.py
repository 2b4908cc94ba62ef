"""One training step in float64 against the definitions, computed here image by image."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from tests import small

from longtail.engine import optimizer, randaugment, seeding, step
from longtail.engine.seeding import Epoch
from longtail.stage1.learner import Stage1Learner

REMIX = {"name": "remix", "alpha": 1.0, "kappa": 3, "tau": 0.5}
MIXUP = {"name": "mixup", "alpha": 1.0}
SIZE = 32


def augmented(image, drawn, randaugmented):
    """One image [H, W, 1] zero-padded by one pixel, cropped, flipped and RandAugmented by torchvision."""
    from torchvision.transforms import InterpolationMode, RandAugment, autoaugment

    down, right, flip = drawn
    height, width, _ = image.shape
    cropped = np.pad(image, ((1, 1), (1, 1), (0, 0)))[down : down + height, right : right + width]
    pixels = torch.from_numpy((cropped[:, ::-1] if flip else cropped).transpose(2, 0, 1).copy())
    for number, sign in randaugmented:
        name = randaugment.OPERATIONS[number]
        magnitudes, signed = RandAugment()._augmentation_space(31, (height, width))[name]
        magnitude = float(magnitudes[9]) if magnitudes.ndim else 0.0
        strength = -magnitude if signed and sign else magnitude
        pixels = autoaugment._apply_op(pixels, name, strength, InterpolationMode.NEAREST, None)
    return pixels.numpy()


def label_share(mixing, share, own, other):
    """λ_y of one pair of classes with `own` and `other` images (methods cards "mixup" and "Remix")."""
    if mixing["name"] == "remix" and own / other >= 3 and share < 0.5:
        return 0.0
    if mixing["name"] == "remix" and own / other <= 1 / 3 and 1 - share < 0.5:
        return 1.0
    return share


@pytest.mark.parametrize("policy", [None, {"operations": 2, "magnitude": 9}])
@pytest.mark.parametrize(
    "mixing",
    [None, MIXUP, REMIX | {"reduction": "per_sample"}, REMIX | {"reduction": "batch_mean"}],
)
def test_step_is_the_one_defined(mixing: dict[str, Any] | None, policy: dict[str, int] | None) -> None:
    arrays, subset = small.data()
    learner = Stage1Learner(arrays, subset, small.changed(small.STAGE1, mixing=mixing, randaugment=policy))
    learner.module.double()
    in_float32 = learner.normalise
    learner.normalise = lambda pixels: in_float32(pixels).double()
    module = copy.deepcopy(learner.module)

    def rng(purpose):
        return Epoch(1, 0).generator(purpose)

    images, labels = arrays.train_images[subset.indices], arrays.train_labels[subset.indices]
    order = rng(seeding.ORDER).permutation(len(labels))
    crops = learner.train.draw_augmentation(len(labels), rng(seeding.AUGMENTATION))
    policies = randaugment.draw(len(labels), 2, rng(seeding.RANDAUGMENT)) if policy else [[]] * len(labels)
    pixels = [augmented(images[i], *drawn) for i, *drawn in zip(order, crops, policies, strict=True)][:SIZE]
    inputs = (np.stack(pixels) / 255 - 0.305) / 0.376
    own, other, shares = labels[order[:SIZE]], labels[order[:SIZE]], np.ones(SIZE)
    if mixing:
        draws = rng(seeding.MIXING)
        share, partner = draws.beta(1.0, 1.0), draws.permutation(SIZE)
        inputs, other = share * inputs + (1 - share) * inputs[partner], own[partner]
        pairs = zip(np.array(subset.counts)[own], np.array(subset.counts)[other], strict=True)
        shares = np.array([label_share(mixing, share, *pair) for pair in pairs])
        assert len(set(shares)) == (1 if mixing["name"] == "mixup" else 2)
        if mixing.get("reduction") == "batch_mean":
            shares = np.full(SIZE, shares.mean())
    module.train()
    surprise = -torch.log_softmax(module(torch.from_numpy(inputs)), dim=1)
    weights = torch.from_numpy(shares)
    loss = (weights * surprise[range(SIZE), own] + (1 - weights) * surprise[range(SIZE), other]).mean()
    gradients = torch.autograd.grad(loss, list(module.parameters()))

    optimizer.set_rate(learner.optimizer, 0.05)
    found = step.make(learner)(next(learner.batches(learner.epoch(1))))

    assert found.item() == pytest.approx(loss.item(), rel=1e-6)
    for stepped, before, gradient in zip(learner.module.parameters(), module.parameters(), gradients, strict=True):
        expected = before - 0.05 * (gradient + 5.0e-4 * before)
        torch.testing.assert_close(stepped, expected, rtol=1e-5, atol=1e-7)
