"""Learning rate and epoch length of a recipe (methods card 1.6)."""

import math

from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.settings.recipe import Recipe


def learning_rate(recipe: Recipe, epoch: int) -> float:
    """The rate of an epoch counted from 1.

    `step`: rises linearly from base·warmup_from at epoch 0 to base at epoch `warmup`; then base, times `factor` after
    each milestone (the milestone is the last epoch at the higher rate).
    `cosine`: base·½(1 + cos(π·(epoch−1)/epochs)); with `ends_at_zero` of epoch/epochs, which makes the last rate 0.
    """
    base, schedule = recipe.learning_rate, recipe.schedule
    if schedule.kind == "cosine":
        step = epoch if schedule.ends_at_zero else epoch - 1
        return base * 0.5 * (1.0 + math.cos(math.pi * step / float(recipe.epochs)))
    if epoch <= schedule.warmup:
        warmup = float(schedule.warmup)
        return float(base * epoch / warmup + base * schedule.warmup_from * (1.0 - epoch / warmup))
    passed = sum(epoch > milestone for milestone in schedule.milestones)
    return float(base * schedule.factor**passed)


def draws(recipe: Recipe, images: int) -> int:
    """Images drawn in an epoch.

    `ceil`: all; `floor`: only whole batches (all if there is none); `ceil_plus_one`: as in Stage 2 of MiSLAS.
    """
    batch = recipe.batch_size
    return {
        "ceil": images,
        "floor": images // batch * batch or images,
        "ceil_plus_one": (math.ceil(images / batch) + 1) * batch,
    }[recipe.batches]


def one_pixel(backbone: str) -> int:
    """The largest image side at which some batch norm sees a single pixel; 0 for a backbone without batch norm."""
    return int(parts.literal("models", backbone, "ONE_PIXEL", 0))


def check_batches(recipe: Recipe, backbone: str, images: int, side: int, micro_batches: int, where: str) -> None:
    """Raises InputError if batch norm would get a single image reduced to one pixel, whose variance is undefined."""
    if side > one_pixel(backbone):
        return
    drawn, batch = draws(recipe, images), recipe.batch_size
    for size in (min(batch, drawn), drawn % batch or batch):
        if size // min(micro_batches, size) > 1:
            continue
        made = f"compute.micro_batches: {micro_batches} cuts a batch of {size} into single images"
        if size == 1:
            made = f"batch_size: {batch} makes a batch of one of {images} images"
        remedy = "lower it" if size > 1 else "write batches: floor, or another batch_size"
        raise InputError(
            f"{where}: {made}, which batch norm of {backbone} cannot learn from at {side} pixels a side: {remedy}"
        )


def is_evaluated(recipe: Recipe, epoch: int) -> bool:
    """Whether the test set is scored after this epoch; the last epoch always is."""
    evaluate = recipe.evaluate
    return epoch % evaluate.every == 0 or epoch >= evaluate.each_from or epoch == recipe.epochs


def is_deferred(recipe: Recipe, epoch: int) -> bool:
    """Whether the deferred part of a method is active in this epoch: after the recipe's `defer` epochs."""
    return recipe.defer is not None and epoch > recipe.defer
