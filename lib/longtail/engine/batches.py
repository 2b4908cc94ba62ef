"""One epoch of a training set: in what order, augmented how, mixed with whom."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.engine import randaugment, schedule, seeding
from longtail.engine.images import Policy, unchanged
from longtail.engine.sets import Images
from longtail.runtime import parts

LabelShare = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Batch:
    """As drawn: uint8 images [B, H, W, C] or features [B, D], labels [B]; where mixed, π [B] and λ (float64 [])."""

    inputs: Tensor
    labels: Tensor
    partner: Tensor | None = None
    share: Tensor | None = None


@dataclass(frozen=True)
class Mixed:
    """As learnt from: inputs with labels [B]; where mixed, the partners' labels [B] and the own label's share.

    `label_share` is a scalar or [B]. `weights` [B] are those of the labels, `partner_weights` of the partners'.
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
        """`count` nearly equal parts, each the rows of one stretch."""
        ends = [len(self.labels) * part // count for part in range(count + 1)]
        return [self.rows(slice(start, stop)) for start, stop in itertools.pairwise(ends)]


def label_share(settings: dict[str, Any], counts: list[int]) -> LabelShare | None:
    """The function of a stage's `mixing` block; None where nothing is mixed."""
    if settings["mixing"] is None:
        return None
    built: LabelShare = parts.find("mixing", settings["mixing"]["name"]).build(settings["mixing"], counts)
    return built


def mix(inputs: Tensor, batch: Batch, share_of: LabelShare | None) -> Mixed:
    """λ·x + (1−λ)·x[π] of normalised inputs, with the labels' shares."""
    if batch.partner is None or batch.share is None or share_of is None:
        return Mixed(inputs, batch.labels)
    partners = batch.labels[batch.partner]
    mixed = batch.share * inputs + (1 - batch.share) * inputs[batch.partner]
    return Mixed(mixed, batch.labels, partners, share_of(batch.share, batch.labels, partners))


def epoch(
    images: Images,
    labels: NDArray[np.int64],
    settings: dict[str, Any],
    epoch: int,
    stage: int,
    first: int = 0,
) -> Iterator[Batch]:
    """The batches of an epoch counted from 1, settled by the order seed, from batch number `first` on.

    A batch has one λ ~ Beta(α, α) and one permutation π. What is drawn for a batch does not depend on `first`.
    """
    order = drawn_order(settings, labels, epoch, stage)
    return in_order(images, labels, order, settings["recipe"]["batch_size"], settings, epoch, stage, first)


def seeded(drawn: Iterator[Batch], settings: dict[str, Any], epoch: int, stage: int, first: int) -> Iterator[Batch]:
    """The batches `drawn` from number `first` on, PyTorch's own generators seeded before the step on each of them.

    What a network draws within itself, dropout, then does not depend on `first` either.
    """
    rng = seeding.generator(settings["seeds"]["order"], epoch, seeding.DROPOUT, stage)
    rng.integers(2**63, size=first)
    for batch in drawn:
        torch.manual_seed(int(rng.integers(2**63)))
        yield batch


def in_order(
    images: Images,
    labels: NDArray[np.int64],
    order: NDArray[np.int64],
    size: int,
    settings: dict[str, Any],
    epoch: int,
    stage: int,
    first: int = 0,
) -> Iterator[Batch]:
    """As `epoch`, of `size` rows at a time of an order that is already drawn."""
    seed, draws = settings["seeds"]["order"], len(order)
    partners, shares = _draw_mixing(settings["mixing"], draws, size, epoch, seed, stage)
    policy = _policy(settings.get("randaugment"), draws, seeding.generator(seed, epoch, seeding.RANDAUGMENT, stage))
    augmentation = (seed, epoch, seeding.AUGMENTATION, stage)
    # All that is drawn goes to the device at once: inside the epoch nothing waits for a copy.
    device = images.device
    targets = torch.from_numpy(labels[order]).to(device)
    partner, share = (None if drawn is None else torch.from_numpy(drawn).to(device) for drawn in (partners, shares))
    pixels = images.batches(order, size, augmentation, first, policy)
    for number, inputs in enumerate(pixels, start=first):
        rows = slice(number * size, number * size + len(inputs))
        if partner is None or share is None:
            yield Batch(inputs, targets[rows])
        else:
            yield Batch(inputs, targets[rows], partner[rows], share[number])


def side_by_side(first: NDArray[np.int64], second: NDArray[np.int64], size: int, beside: int) -> NDArray[np.int64]:
    """One order of two: `size` rows of the first with `beside` of the second, in turn.

    Where the last rows of the first are fewer than `size`, as many fewer of the second stand beside them if both
    are drawn alike (`size` equal to `beside`).
    """
    parts = []
    for number, start in enumerate(range(0, len(first), size)):
        own = first[start : start + size]
        taken = len(own) if size == beside else beside
        parts += [own, second[number * beside : number * beside + taken]]
    return np.concatenate(parts)


def drawn_order(
    settings: dict[str, Any],
    labels: NDArray[np.int64],
    epoch: int,
    stage: int,
    purpose: int = seeding.ORDER,
    draws: int | None = None,
) -> NDArray[np.int64]:
    """The rows of an epoch's images, one batch after the other, as the sampler in force draws them.

    As many as the recipe makes of all of them, if not `draws`.
    """
    sampler = settings["sampler"]
    if schedule.is_deferred(settings["recipe"], epoch):
        sampler = (settings.get("deferred") or {}).get("sampler", sampler)
    draws = schedule.draws(settings["recipe"], len(labels)) if draws is None else draws
    rng = seeding.generator(settings["seeds"]["order"], epoch, purpose, stage)
    rows: NDArray[np.int64] = parts.find("samplers", sampler["name"]).draw(sampler, labels, draws, rng)
    return rows


def _draw_mixing(
    mixing: dict[str, Any] | None, draws: int, size: int, epoch: int, seed: int, stage: int
) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None]:
    """Every batch's π, one after the other, and every batch's λ."""
    if mixing is None:
        return None, None
    rng = seeding.generator(seed, epoch, seeding.MIXING, stage)
    partners, shares = [], []
    for start in range(0, draws, size):
        shares.append(rng.beta(mixing["alpha"], mixing["alpha"]))
        partners.append(rng.permutation(min(size, draws - start)))
    return np.concatenate(partners), np.array(shares)


def _policy(settings: dict[str, Any] | None, draws: int, rng: np.random.Generator) -> Policy:
    if settings is None:
        return unchanged
    drawn = randaugment.draw(draws, settings["operations"], rng)
    return lambda pixels, positions: randaugment.apply(pixels, drawn[positions], settings["magnitude"])
