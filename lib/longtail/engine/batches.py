"""The batches of an epoch: their order, augmentation and mixing."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.engine import randaugment, seeding
from longtail.engine.forms import Examples, Policy, unchanged
from longtail.engine.seeding import Epoch
from longtail.runtime import parts
from longtail.settings.part import Part
from longtail.settings.preprocessing import RandAugment

LabelShare = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Batch:
    """A batch as drawn: examples (such as uint8 images [B, H, W, C]) or features [B, D], with labels [B].

    If it is mixed, also the partners π [B] and the share λ, a float64 scalar.
    """

    inputs: Tensor
    labels: Tensor
    partner: Tensor | None = None
    share: Tensor | None = None


@dataclass(frozen=True)
class Mixed:
    """A batch as the network gets it: inputs with labels [B].

    If it is mixed, also the partners' labels [B] and `label_share`, the share of the own label, a scalar or [B].
    `weights` [B] belong to the labels, `partner_weights` [B] to the partners' labels.
    """

    inputs: Tensor
    labels: Tensor
    partner_labels: Tensor | None = None
    label_share: Tensor | None = None
    weights: Tensor | None = None
    partner_weights: Tensor | None = None

    def rows(self, rows: slice) -> "Mixed":
        """Some rows of the batch."""
        return Mixed(
            **{key: value[rows] if value is not None and value.ndim else value for key, value in vars(self).items()}
        )

    def split(self, count: int) -> list["Mixed"]:
        """`count` nearly equal parts, each of consecutive rows."""
        ends = [len(self.labels) * part // count for part in range(count + 1)]
        return [self.rows(slice(start, stop)) for start, stop in itertools.pairwise(ends)]


def label_share(mixing: Part | None, counts: list[int]) -> LabelShare | None:
    """The function of a mixing; None without mixing."""
    if mixing is None:
        return None
    built: LabelShare = parts.find("mixing", mixing.name).build(mixing.settings, counts)
    return built


def mix(inputs: Tensor, batch: Batch, share_of: LabelShare | None) -> Mixed:
    """λ·x + (1−λ)·x[π] of normalised inputs, with the labels' shares."""
    if batch.partner is None or batch.share is None or share_of is None:
        return Mixed(inputs, batch.labels)
    partners = batch.labels[batch.partner]
    mixed = batch.share * inputs + (1 - batch.share) * inputs[batch.partner]
    return Mixed(mixed, batch.labels, partners, share_of(batch.share, batch.labels, partners))


def drawn_order(
    sampler: Part, labels: NDArray[np.int64], draws: int, epoch: Epoch, purpose: int = seeding.ORDER
) -> NDArray[np.int64]:
    """The rows [draws] of an epoch's examples, batch after batch, as a sampler draws them from labels [N]."""
    part, rng = parts.find("samplers", sampler.name), epoch.generator(purpose)
    rows: NDArray[np.int64] = part.draw(sampler.settings, labels, draws, rng)
    return rows


def side_by_side(first: NDArray[np.int64], second: NDArray[np.int64], size: int, beside: int) -> NDArray[np.int64]:
    """Interleave two orders: `size` rows of the first, then `beside` rows of the second, and so on.

    If the last rows of the first are fewer than `size` and `size` equals `beside`, equally few rows of the second
    follow them.
    """
    parts = []
    for number, start in enumerate(range(0, len(first), size)):
        own = first[start : start + size]
        taken = len(own) if size == beside else beside
        parts += [own, second[number * beside : number * beside + taken]]
    return np.concatenate(parts)


def in_order(
    examples: Examples,
    labels: NDArray[np.int64],
    order: NDArray[np.int64],
    size: int,
    epoch: Epoch,
    mixing: Part | None = None,
    augmentation: RandAugment | None = None,
) -> Iterator[Batch]:
    """Batches of `size` examples in the given `order`, with their labels [N], from the epoch's first batch on.

    A mixed batch has one λ ~ Beta(α, α) and one permutation π; `augmentation` are the settings of RandAugment.
    """
    partners, shares = _draw_mixing(mixing, len(order), size, epoch)
    policy = _policy(augmentation, len(order), epoch)
    # All draws are copied to the device before the epoch, so that no batch waits for a copy.
    device = examples.device
    targets = torch.from_numpy(labels[order]).to(device)
    partner, share = (None if drawn is None else torch.from_numpy(drawn).to(device) for drawn in (partners, shares))
    for number, inputs in enumerate(examples.batches(order, size, epoch, policy), start=epoch.first_batch):
        rows = slice(number * size, number * size + len(inputs))
        if partner is None or share is None:
            yield Batch(inputs, targets[rows])
        else:
            yield Batch(inputs, targets[rows], partner[rows], share[number])


def seeded(drawn: Iterator[Batch], epoch: Epoch) -> Iterator[Batch]:
    """The batches `drawn`, with PyTorch's own generators seeded before each of them.

    So the dropout of a network does not depend on the batch at which the epoch is resumed.
    """
    rng = epoch.generator(seeding.DROPOUT)
    rng.integers(2**63, size=epoch.first_batch)
    for batch in drawn:
        torch.manual_seed(int(rng.integers(2**63)))
        yield batch


def _draw_mixing(
    mixing: Part | None, draws: int, size: int, epoch: Epoch
) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None]:
    """The permutations π of all batches, concatenated, and the λ of each batch."""
    if mixing is None:
        return None, None
    rng, alpha = epoch.generator(seeding.MIXING), mixing.settings["alpha"]
    partners, shares = [], []
    for start in range(0, draws, size):
        shares.append(rng.beta(alpha, alpha))
        partners.append(rng.permutation(min(size, draws - start)))
    return np.concatenate(partners), np.array(shares)


def _policy(settings: RandAugment | None, draws: int, epoch: Epoch) -> Policy:
    if settings is None:
        return unchanged
    drawn = randaugment.draw(draws, settings.operations, epoch.generator(seeding.RANDAUGMENT))
    return lambda pixels, positions: randaugment.apply(pixels, drawn[positions], settings.magnitude)
