import math
from typing import Any

import numpy as np
import pytest
import torch
from tests.small_settings import PREPROCESSING as small_images
from tests.small_settings import changed

from longtail.engine import batches, randaugment, seeding
from longtail.engine.batches import Batch, Mixed
from longtail.engine.forms._normaliser import Normaliser
from longtail.engine.forms.images import ImageSet
from longtail.engine.seeding import Epoch
from longtail.mixing import mixup
from longtail.settings.part import Part
from longtail.settings.preprocessing import RandAugment

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1])
MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]
PREPROCESSING = changed(small_images, crop_padding=2, mean=MEAN, std=STD)
CPU = torch.device("cpu")
PLAIN = Part("instance_balanced")


def image_set():
    pixels = np.random.default_rng(0).integers(0, 256, (len(LABELS), 6, 8, 3), dtype=np.uint8)
    return ImageSet(pixels, PREPROCESSING, CPU, augment=True)


def drawn(number=1, seed=0, alpha=None, batch_size=4, stage=1, first=0, policy=None):
    """All batches of an epoch of plain shuffled images."""
    epoch = Epoch(number, seed, stage, first)
    order = batches.drawn_order(PLAIN, LABELS, len(LABELS), epoch)
    mixing = alpha and Part("mixup", {"alpha": alpha})
    return list(batches.in_order(image_set(), LABELS, order, batch_size, epoch, mixing, policy))


def test_an_epoch_shows_every_image_once() -> None:
    order = Epoch(1, 0).generator(seeding.ORDER).permutation(len(LABELS))
    found = drawn()
    assert [len(batch.labels) for batch in found] == [4, 4, 3]
    assert torch.cat([batch.labels for batch in found]).tolist() == LABELS[order].tolist()
    assert all(batch.partner is None and batch.share is None for batch in found)
    held = image_set()
    augmentation = held.draw_augmentation(len(LABELS), Epoch(1, 0).generator(seeding.AUGMENTATION))
    assert torch.equal(torch.cat([batch.inputs for batch in found]), held.take(order, augmentation))


def test_epochs_seeds_and_stages_differ_and_repeat() -> None:
    first = drawn()
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(first, drawn(), strict=True))
    for other in (drawn(2), drawn(seed=1), drawn(stage=2)):
        assert not torch.equal(first[0].inputs, other[0].inputs)


@pytest.mark.parametrize("policy", [None, RandAugment(operations=2, magnitude=9)])
@pytest.mark.parametrize("alpha", [None, 1.0])
def test_an_epoch_entered_in_its_middle_goes_on_with_the_same_batches(alpha: float | None, policy: Any) -> None:
    whole = drawn(alpha=alpha, policy=policy)
    for first in range(4):
        found = drawn(alpha=alpha, policy=policy, first=first)
        assert len(found) == 3 - first
        for a, b in zip(found, whole[first:], strict=True):
            assert torch.equal(a.inputs, b.inputs)
            assert torch.equal(a.labels, b.labels)
            assert (a.share, a.partner is None) == (b.share, alpha is None)


def test_randaugment_follows_crop_and_flip() -> None:
    policies = (None, RandAugment(operations=1, magnitude=9))
    plain, strong = (torch.cat([batch.inputs for batch in drawn(policy=policy)]) for policy in policies)
    operations = randaugment.draw(len(LABELS), 1, Epoch(1, 0).generator(seeding.RANDAUGMENT))
    assert torch.equal(strong, randaugment.apply(plain, operations, 9))
    assert not torch.equal(strong, plain)


def test_mixup_equals_the_definition() -> None:
    shares = []
    normalise = Normaliser(PREPROCESSING, CPU)
    for plain, batch in zip(drawn(), drawn(alpha=1.0), strict=True):
        assert torch.equal(batch.labels, plain.labels)
        assert sorted(batch.partner.tolist()) == list(range(len(plain.labels)))
        inputs, share = normalise(plain.inputs), float(batch.share)
        mixed = batches.mix(normalise(batch.inputs), batch, mixup.build({}, []))
        for row, partner in enumerate(batch.partner.tolist()):
            assert torch.equal(mixed.inputs[row], share * inputs[row] + (1 - share) * inputs[partner])
            assert mixed.partner_labels[row] == plain.labels[partner]
        assert mixed.label_share == share
        assert mixed.inputs.is_contiguous(memory_format=torch.channels_last)
        shares.append(share)
    assert len(set(shares)) == len(shares)


def test_unmixed_inputs_stay() -> None:
    batch = Batch(torch.ones(2, 3), torch.tensor([0, 1]))
    mixed = batches.mix(batch.inputs, batch, None)
    assert mixed.inputs is batch.inputs
    assert mixed.partner_labels is None


@pytest.mark.parametrize("alpha", [1.0, 0.2])
def test_shares_follow_the_beta_distribution(alpha: float) -> None:
    shares = np.sort([float(b.share) for number in range(40) for b in drawn(number, alpha=alpha, batch_size=1)])
    count = len(shares)
    assert count == 440
    # Kolmogorov-Smirnov at the 0.1 % level against draws of the distribution itself.
    reference = np.sort(np.random.default_rng(1).beta(alpha, alpha, 100_000))
    distance = abs(np.searchsorted(reference, shares) / 100_000 - (np.arange(count) + 0.5) / count).max()
    assert distance < 1.95 / math.sqrt(count)


@pytest.mark.parametrize("share", [torch.tensor(0.3, dtype=torch.float64), torch.linspace(0, 1, 5)])
def test_parts_of_a_batch_hold_its_rows(share: Any) -> None:
    whole = Mixed(torch.arange(10.0).reshape(5, 2), torch.arange(5), torch.arange(5, 10), share)
    parts = whole.split(2)
    assert [len(part.labels) for part in parts] == [2, 3]
    for name in ("inputs", "labels", "partner_labels"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))
    assert torch.equal(torch.cat([part.label_share.expand(len(part.labels)) for part in parts]), share.expand(5))
    weighed = Mixed(whole.inputs, whole.labels, weights=torch.arange(5) / 4, partner_weights=torch.arange(5, 10) / 4)
    assert [part.weights.tolist() for part in weighed.split(2)] == [[0.0, 0.25], [0.5, 0.75, 1.0]]
    assert weighed.rows(slice(-2, None)).partner_weights.tolist() == [2.0, 2.25]
    plain = Mixed(whole.inputs, whole.labels).split(5)
    assert [part.labels.item() for part in plain] == list(range(5))
    assert all(part.label_share is None and part.weights is None for part in plain)


def test_orders_side_by_side_by_hand() -> None:
    first, second = np.arange(7), np.arange(10, 30)
    # Drawn alike: the ragged end is as short in both.
    alike = batches.side_by_side(first, second, 3, 3)
    assert alike.tolist() == [*(0, 1, 2, 10, 11, 12), *(3, 4, 5, 13, 14, 15), *(6, 16)]
    # Of another size: the second's rows are always as many.
    other = batches.side_by_side(first, second, 3, 2)
    assert other.tolist() == [*(0, 1, 2, 10, 11), *(3, 4, 5, 12, 13), *(6, 14, 15)]
    whole = batches.side_by_side(first[:6], second, 3, 2)
    assert whole.tolist() == other[:10].tolist()


def test_batches_of_an_order_that_is_drawn_are_taken_up_from_any_of_them() -> None:
    order = np.array([10, 0, 0, 3, 4, 7, 1])

    def found(first):
        epoch, mixing = Epoch(1, 0, first_batch=first), Part("mixup", {"alpha": 1.0})
        return list(batches.in_order(image_set(), LABELS, order, 3, epoch, mixing))

    whole = found(0)
    assert [batch.labels.tolist() for batch in whole] == [LABELS[order[at : at + 3]].tolist() for at in (0, 3, 6)]
    assert [len(batch.partner) for batch in whole] == [3, 3, 1]
    for first in range(4):
        assert len(found(first)) == 3 - first
        for a, b in zip(found(first), whole[first:], strict=True):
            assert all(torch.equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True))


def test_an_order_of_another_purpose_or_length_is_another() -> None:
    sampler, epoch = Part("class_balanced"), Epoch(1, 0)
    first = batches.drawn_order(sampler, LABELS, len(LABELS), epoch)
    assert len(first) == len(LABELS)
    assert len(batches.drawn_order(sampler, LABELS, 40, epoch)) == 40
    second = batches.drawn_order(sampler, LABELS, len(LABELS), epoch, seeding.SECOND_ORDER)
    assert first.tolist() != second.tolist()
