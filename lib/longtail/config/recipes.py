"""What a recipe must say, by itself and for the block that names it."""

from typing import Any

from longtail.config.blame import place
from longtail.config.registry import Registry
from longtail.runtime import parts
from longtail.runtime.errors import InputError


def check(recipe: dict[str, Any], where: str) -> None:
    """InputError where a recipe has settings that cannot take effect beside each other.

    A schedule that is longer than the training is in order: a training may be cut short on purpose.
    """
    schedule, stopping = recipe["schedule"], recipe.get("early_stopping")
    early = [milestone for milestone in schedule["milestones"] if milestone < schedule["warmup"]]
    if schedule["kind"] == "cosine" and (schedule["warmup"] or schedule["milestones"]):
        raise InputError(f"{where}, key 'schedule': cosine has neither: set warmup: 0 and milestones: []")
    if early:
        raise InputError(
            f"{where}, key 'schedule.milestones': {early[0]} lies within the warm-up of {schedule['warmup']} epochs, "
            "where the rate rises: raise it, or shorten the warm-up"
        )
    if recipe["nesterov"] and (recipe.get("optimizer") == "adam" or not recipe["momentum"]):
        raise InputError(f"{where}, key 'nesterov': only SGD with momentum has it: set nesterov: false")
    if stopping and stopping["patience"] < stopping["every"]:
        raise InputError(
            f"{where}, key 'early_stopping.patience': {stopping['patience']} steps are over before the second look, "
            f"after {stopping['every']} more: raise it to at least {stopping['every']}"
        )


def check_defer(block: dict[str, Any], recipe: dict[str, Any], where: str) -> None:
    """InputError where a stage defers something under a recipe that does not say until when."""
    if _defers(block) and "defer" not in recipe:
        raise InputError(
            f"{where}: recipe '{recipe.get('name', block['recipe'])}' lacks 'defer', the epochs after which what the "
            "method defers takes over: add it to the recipe"
        )


def check_deferral(registry: Registry, block: dict[str, Any], where: str) -> None:
    """InputError where what a Stage 1 defers never takes over, `block` with all of its recipe."""
    recipe = block["recipe"]
    if _defers(block) and recipe["defer"] >= recipe["epochs"]:
        raise InputError(
            f"{place('recipe', recipe['name'], registry.config['recipes'])}, key 'defer' is {recipe['defer']} of "
            f"{recipe['epochs']} epochs, so that what is deferred never comes ({where}): lower it, or raise epochs"
        )


def _defers(block: dict[str, Any]) -> bool:
    algorithm = block.get("algorithm", {"name": "standard"})["name"]
    return block.get("deferred") is not None or parts.literal("stage1.algorithms", algorithm, "DEFERS", False)
