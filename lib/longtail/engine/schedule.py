"""Learning rate and epoch length of a recipe (methods card 1.6)."""

import math
from typing import Any


def learning_rate(recipe: dict[str, Any], epoch: int) -> float:
    """The rate of an epoch counted from 1.

    `step`: a straight line up to base at the epoch `warmup`, which would stand at base·warmup_from before the first
    epoch; then base, times `factor` after each milestone (the last epoch at the higher rate).
    `cosine`: base·½(1 + cos(π·(epoch−1)/epochs)).
    """
    base: float = recipe["learning_rate"]
    schedule = recipe["schedule"]
    if schedule["kind"] == "cosine":
        return base * 0.5 * (1.0 + math.cos(math.pi * (epoch - 1) / float(recipe["epochs"])))
    if epoch <= schedule["warmup"]:
        warmup = float(schedule["warmup"])
        return float(base * epoch / warmup + base * schedule["warmup_from"] * (1.0 - epoch / warmup))
    passed = sum(epoch > milestone for milestone in schedule["milestones"])
    return float(base * schedule["factor"] ** passed)


def draws(recipe: dict[str, Any], images: int) -> int:
    """Images drawn in an epoch.

    `ceil` all, `floor` whole batches only (all where there is none), `ceil_plus_one` as MiSLAS Stage 2 runs.
    """
    batch: int = recipe["batch_size"]
    return {
        "ceil": images,
        "floor": images // batch * batch or images,
        "ceil_plus_one": (math.ceil(images / batch) + 1) * batch,
    }[recipe["batches"]]


def is_evaluated(recipe: dict[str, Any], epoch: int) -> bool:
    """Whether the test set is scored after this epoch; the last epoch always is."""
    evaluation = recipe["evaluate"]
    return bool(epoch % evaluation["every"] == 0 or epoch >= evaluation["each_from"] or epoch == recipe["epochs"])


def is_deferred(recipe: dict[str, Any], epoch: int) -> bool:
    """Whether what a method defers is in force in this epoch: after the recipe's `defer` epochs."""
    return "defer" in recipe and epoch > recipe["defer"]
