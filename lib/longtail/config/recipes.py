"""Checks recipes, by themselves and together with the blocks that name them."""

from typing import Any

from longtail.config.blame import place
from longtail.config.registry import Registry
from longtail.runtime import parts
from longtail.runtime.errors import InputError


def check(recipe: dict[str, Any], where: str) -> None:
    """Raises InputError if a recipe has settings that contradict each other.

    A schedule may be longer than the training, which a user may cut short on purpose.
    """
    schedule, stopping = recipe["schedule"], recipe.get("early_stopping")
    early = [milestone for milestone in schedule["milestones"] if milestone < schedule["warmup"]]
    if schedule["kind"] == "cosine" and (schedule["warmup"] or schedule["milestones"]):
        raise InputError(f"{where}, key 'schedule': cosine has neither: set warmup: 0 and milestones: []")
    if schedule["kind"] == "step" and "ends_at_zero" in schedule:
        raise InputError(f"{where}, key 'schedule.ends_at_zero': only a cosine has it: remove it")
    if recipe.get("horizon", recipe["epochs"]) < recipe["epochs"]:
        raise InputError(
            f"{where}, key 'horizon': {recipe['horizon']} is less than the {recipe['epochs']} epochs, so that a "
            "branch would have a negative weight: raise it"
        )
    if early:
        raise InputError(
            f"{where}, key 'schedule.milestones': {early[0]} lies within the warm-up of {schedule['warmup']} epochs, "
            "where the rate rises: raise it, or shorten the warm-up"
        )
    if recipe["nesterov"] and (recipe.get("optimizer") == "adam" or not recipe["momentum"]):
        raise InputError(f"{where}, key 'nesterov': only SGD with momentum has it: set nesterov: false")
    if stopping and stopping["patience"] < stopping["every"]:
        raise InputError(
            f"{where}, key 'early_stopping.patience': {stopping['patience']} steps are shorter than the time between "
            f"two validations ({stopping['every']} steps): raise it to at least {stopping['every']}"
        )


def check_defer(block: dict[str, Any], recipe: dict[str, Any], where: str) -> None:
    """Raises InputError if a part of a stage takes effect later but its recipe does not say after which epoch."""
    if _defers(block) and "defer" not in recipe:
        raise InputError(
            f"{where}: recipe '{recipe.get('name', block['recipe'])}' lacks 'defer', the number of epochs after "
            "which the deferred part of the method takes effect: add it to the recipe"
        )


def check_deferral(registry: Registry, block: dict[str, Any], where: str) -> None:
    """Raises InputError if the deferred part of a Stage 1 never takes effect; `block` contains its whole recipe."""
    recipe = block["recipe"]
    if _defers(block) and recipe["defer"] >= recipe["epochs"]:
        raise InputError(
            f"{place('recipe', recipe['name'], registry.config['recipes'])}, key 'defer' is {recipe['defer']} of "
            f"{recipe['epochs']} epochs, so that the deferred part of the method never takes effect ({where}): lower "
            "it, or raise epochs"
        )


def check_channels(registry: Registry, dataset: str, name: str, where: str) -> None:
    """Raises InputError if a recipe normalises another number of channels than the images of a data set have."""
    expected = registry.datasets[dataset]["preprocessing"]
    for key, values in registry.recipes.get(name, {}).get("preprocessing", {}).items():
        if key in ("mean", "std") and len(values) != len(expected[key]):
            raise InputError(
                f"{place('recipe', name, registry.config['recipes'])}, key 'preprocessing.{key}': {len(values)} "
                f"given, but the images have {len(expected[key])} channel(s) ({where}): use another recipe for this "
                "data set"
            )


def _defers(block: dict[str, Any]) -> bool:
    algorithm = block.get("algorithm", {"name": "standard"})["name"]
    return block.get("deferred") is not None or parts.literal("stage1.algorithms", algorithm, "DEFERS", False)
