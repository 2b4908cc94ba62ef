import numpy as np
import pytest
import torch
from torch import nn

from longtail.engine import objective
from longtail.engine.images import Batch, ImageSet
from longtail.losses import cross_entropy

CE = cross_entropy.build({}, [])
LOGITS = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 1.0, 1.0], [-1.0, 0.0, 4.0]])
LABELS = np.array([0, 1, 2, 0])
PARTNER = np.array([2, 0, 3, 1])
# −log p of every class, in float64.
SURPRISE = np.log(np.exp(LOGITS).sum(axis=1, keepdims=True)) - LOGITS


def test_plain_loss_is_the_mean_over_images():
    found = objective.batch_loss(CE, torch.tensor(LOGITS), Batch(torch.empty(4), torch.tensor(LABELS)))
    assert found.item() == pytest.approx(SURPRISE[range(4), LABELS].mean(), rel=1e-12)


def test_mixed_loss_weighs_both_labels():
    batch = Batch(torch.empty(4), torch.tensor(LABELS), torch.tensor(PARTNER), 0.7)
    found = objective.batch_loss(CE, torch.tensor(LOGITS), batch)
    first, second = SURPRISE[range(4), LABELS], SURPRISE[range(4), LABELS[PARTNER]]
    assert found.item() == pytest.approx((0.7 * first + 0.3 * second).mean(), rel=1e-12)


def test_top1_counts_right_rows():
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 2.0]])
    assert objective.top1(logits, torch.tensor([0, 1, 1])) == pytest.approx(2 / 3, rel=1e-15)


@pytest.mark.parametrize("count", [1, 500, 501, 1203])
def test_predictions_are_of_all_images_in_order(count):
    pixels = np.random.default_rng(0).integers(0, 256, (count, 2, 2, 1), dtype=np.uint8)
    preprocessing = {"crop_padding": 1, "flip": True, "mean": [0.3], "std": [0.5]}
    images = ImageSet(pixels, preprocessing, torch.device("cpu"), augment=False)
    assert max(map(len, objective.batched(images))) <= objective.INFERENCE_BATCH
    found = objective.predict(nn.Flatten(), images, torch.float32)
    np.testing.assert_allclose(found, (pixels.reshape(count, 4) / 255 - 0.3) / 0.5, atol=1e-6)
    assert not found.requires_grad


def test_low_precision_outputs_come_back_as_float32():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 2, 2, 1), dtype=np.uint8)
    preprocessing = {"crop_padding": 0, "flip": False, "mean": [0.3], "std": [0.5]}
    images = ImageSet(pixels, preprocessing, torch.device("cpu"), augment=False)
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    exact, rough = (objective.predict(module, images, kind) for kind in (torch.float32, torch.bfloat16))
    assert rough.dtype == torch.float32
    assert not torch.equal(exact, rough)
    torch.testing.assert_close(exact, rough, atol=0.05, rtol=0.05)
