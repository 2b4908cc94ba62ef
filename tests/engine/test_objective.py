import numpy as np
import pytest
import torch
from tests.small_settings import PREPROCESSING

from longtail.engine import objective
from longtail.engine.batches import Mixed
from longtail.engine.forms.images import ImageSet
from longtail.losses import cross_entropy, focal

CE = cross_entropy.build({}, [])
LOGITS = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 1.0, 1.0], [-1.0, 0.0, 4.0]])
LABELS = np.array([0, 1, 2, 0])
PARTNER = np.array([2, 0, 3, 1])
# −log p of every class, in float64.
SURPRISE = np.log(np.exp(LOGITS).sum(axis=1, keepdims=True)) - LOGITS


def test_plain_loss_is_the_mean_over_images() -> None:
    found = objective.batch_loss(CE, torch.tensor(LOGITS), Mixed(torch.empty(4), torch.tensor(LABELS)))
    assert found.item() == pytest.approx(SURPRISE[range(4), LABELS].mean(), rel=1e-12)


@pytest.mark.parametrize("share", [0.7, [0.7, 0.0, 1.0, 0.25]])
def test_mixed_loss_weighs_both_labels(share: float | list[float]) -> None:
    given = torch.tensor(share, dtype=torch.float64)
    batch = Mixed(torch.empty(4), torch.tensor(LABELS), torch.tensor(LABELS[PARTNER]), given)
    found = objective.batch_loss(CE, torch.tensor(LOGITS), batch)
    first, second = SURPRISE[range(4), LABELS], SURPRISE[range(4), LABELS[PARTNER]]
    weight = np.array(share)
    assert found.item() == pytest.approx((weight * first + (1 - weight) * second).mean(), rel=1e-12)


WEIGHTS = np.array([0.5, 2.0, 1.0, 3.0])


def test_weights_multiply_the_losses_and_the_mean_is_over_images() -> None:
    batch = Mixed(torch.empty(4), torch.tensor(LABELS), weights=torch.tensor(WEIGHTS))
    found = objective.batch_loss(CE, torch.tensor(LOGITS), batch)
    assert found.item() == pytest.approx((WEIGHTS * SURPRISE[range(4), LABELS]).sum() / 4, rel=1e-12)


@pytest.mark.parametrize("share", [0.7, [0.7, 0.0, 1.0, 0.25]])
def test_each_label_of_a_mixed_image_has_the_weight_of_its_own(share: float | list[float]) -> None:
    labels, partners = torch.tensor(LABELS), torch.tensor(LABELS[PARTNER])
    weights = torch.tensor(WEIGHTS), torch.tensor(WEIGHTS[::-1].copy())
    batch = Mixed(torch.empty(4), labels, partners, torch.tensor(share, dtype=torch.float64), *weights)
    found = objective.batch_loss(CE, torch.tensor(LOGITS), batch)
    first, second = SURPRISE[range(4), LABELS], SURPRISE[range(4), LABELS[PARTNER]]
    kept = np.array(share)
    expected = kept * WEIGHTS * first + (1 - kept) * WEIGHTS[::-1] * second
    assert found.item() == pytest.approx(expected.mean(), rel=1e-12)


def test_weights_go_where_the_loss_puts_them() -> None:
    """Focal loss as LDAM-DRW computes it has the weight inside: (1 − e^(−w·s))^γ · w·s."""
    loss = focal.build({"form": "softmax", "gamma": 2.0, "weighted": "inside"}, [])
    batch = Mixed(torch.empty(4), torch.tensor(LABELS), weights=torch.tensor(WEIGHTS))
    inside = WEIGHTS * SURPRISE[range(4), LABELS]
    expected = ((1 - np.exp(-inside)) ** 2 * inside).mean()
    assert objective.batch_loss(loss, torch.tensor(LOGITS), batch).item() == pytest.approx(expected, rel=1e-12)


def test_shares_do_not_raise_the_precision_of_the_loss() -> None:
    share = torch.full((4,), 0.5, dtype=torch.float64)
    batch = Mixed(torch.empty(4), torch.tensor(LABELS), torch.tensor(LABELS), share)
    assert objective.batch_loss(CE, torch.tensor(LOGITS).float(), batch).dtype == torch.float32


def test_top1_counts_right_rows() -> None:
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 2.0]])
    assert objective.top1(logits, torch.tensor([0, 1, 1])) == pytest.approx(2 / 3, rel=1e-15)


@pytest.mark.parametrize("count", [1, 500, 501, 1203])
def test_predictions_are_of_all_images_in_order(count: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 2, 2, 1), dtype=np.uint8)
    images = ImageSet(pixels, PREPROCESSING, torch.device("cpu"), augment=False)
    sizes = []

    def infer(batch):
        sizes.append(len(batch))
        return batch.flatten(1).to(torch.bfloat16)

    found = objective.predict(infer, images)
    np.testing.assert_array_equal(found, pixels.reshape(count, 4))
    assert found.dtype == torch.float32
    assert max(sizes) <= objective.INFERENCE_BATCH
