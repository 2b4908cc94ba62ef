"""What a data set of your own gets where it does not say how it is trained: a schedule that fits its size, and for
titles the recipe of texts and a validation split.
"""

import contextlib
import functools
import json
import math
from collections.abc import Sequence
from typing import Any

from longtail import imbalance as factors
from longtail.config import sources
from longtail.config.registry import CONFIG, Registry
from longtail.imbalance import class_counts
from longtail.runtime import parts
from longtail.runtime.errors import InputError

# Steps of Stage 1: some 20 % of MiSLAS on CIFAR-10-LT for images; for titles about what early stopping leaves.
IMAGE_STEPS, TITLE_STEPS = 4000, 2000
FEWEST_EPOCHS, MOST_EPOCHS = 10, 1000
# A network of images does not get going if the rate rises faster; small sets have smaller batches, down to this size.
FEWEST_WARMUP_STEPS, SMALLEST_BATCH = 100, 32
# The share of titles that early stopping looks at.
SHARE = 0.1
# The recipes that stand for all others of their stage in a data set that titles are like.
STANDARD = {"stage1": "MiSLAS-S1", "stage2": "MiSLAS-S2"}


def completed(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition that is `like` the data set that its source declares as LIKE, if it names none itself."""
    like = sources.declared(definition, "like", None) if "like" not in definition else None
    return definition | {"like": like} if like else definition


def is_own(registry: Registry, dataset: str) -> bool:
    """Whether a data set is defined by the user alone, and is none of `config/datasets`."""
    return dataset in registry.config["datasets"] and not (CONFIG / "datasets" / f"{dataset}.yaml").is_file()


def has_text_recipes(definition: dict[str, Any]) -> bool:
    """Whether a data set of titles names no recipes, so that it has those of the data set that it is like."""
    is_text = "kind" in definition and sources.form(definition) != sources.IMAGES
    return is_text and "like" in definition and not definition["recipes"]


def text_recipe(
    registry: Registry, definition: dict[str, Any], backbone: str, recipe: str, stage: str
) -> dict[str, Any]:
    """The recipe of titles in place of one for images, with `defer` if that one has it."""
    instead = registry.datasets[definition["like"]]["recipes"].get(STANDARD[stage], recipe)
    name = instead.get(backbone, recipe) if isinstance(instead, dict) else instead
    where = f"data set '{definition['like']}'"
    text, replaced = {"name": name, **registry.recipe(name, where)}, registry.recipe(recipe, where)
    if "defer" in replaced and "defer" not in text and stage == "stage1":
        text["defer"] = max(1, text["epochs"] * replaced["defer"] // replaced["epochs"])
    return text


def validation(definition: dict[str, Any]) -> float:
    """The share of the training examples that no training uses."""
    if definition["validation"] is not None:
        return float(definition["validation"])
    is_split = sources.declared(definition, "has_validation", False)
    return SHARE if has_text_recipes(definition) and not is_split else 0.0


def has_validation(definition: dict[str, Any]) -> bool:
    """Whether there are examples that neither train nor test."""
    return bool(validation(definition) or sources.declared(definition, "has_validation", False))


def steps(registry: Registry, dataset: str) -> int | None:
    """Steps of a Stage 1 that its recipe is fitted to; None if recipes are used as they are."""
    definition = registry.datasets[dataset]
    if "steps" in definition:
        return definition["steps"]  # type: ignore[no-any-return]
    if not is_own(registry, dataset):
        return None
    if has_text_recipes(definition):
        return TITLE_STEPS
    return None if definition["recipes"] or "like" in definition else IMAGE_STEPS


def fitted(registry: Registry, dataset: str, imbalance: str, recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe of Stage 1 for about `steps` steps, with everything that is counted in epochs moved alike.

    It has at least 10 epochs and never more than the recipe, unless that stops early. The recipe itself if the number
    of images is unknown before the data are read.
    """
    wanted = steps(registry, dataset)
    images = training_images(registry.datasets[dataset], imbalance) if wanted else None
    if wanted is None or images is None:
        return recipe
    if "early_stopping" not in recipe:
        recipe = _in_small_batches(recipe, images, wanted)
    per_epoch = math.ceil(images / recipe["batch_size"])
    most = MOST_EPOCHS if "early_stopping" in recipe else recipe["epochs"]
    return recipe | _moved(recipe, min(most, max(FEWEST_EPOCHS, round(wanted / per_epoch))), per_epoch)


def _in_small_batches(recipe: dict[str, Any], images: int, wanted: int) -> dict[str, Any]:
    """A recipe with half the batch and half the rate, again and again, while its epochs have too few steps."""
    size, rate = recipe["batch_size"], recipe["learning_rate"]
    while size // 2 >= SMALLEST_BATCH and recipe["epochs"] * math.ceil(images / size) < wanted:
        size, rate = size // 2, rate / 2
    return recipe | {"batch_size": size, "learning_rate": rate}


def _moved(recipe: dict[str, Any], epochs: int, per_epoch: int) -> dict[str, Any]:
    """The keys of a recipe that are counted in epochs, for another number of them, each of so many steps."""

    def moved(epoch: int) -> int:
        return max(1, round(epoch * epochs / int(recipe["epochs"])))

    schedule, evaluate = recipe["schedule"], recipe["evaluate"]
    changed: dict[str, Any] = {"epochs": epochs}
    warmup = 0
    if schedule["warmup"]:
        warmup = min(max(moved(schedule["warmup"]), math.ceil(FEWEST_WARMUP_STEPS / per_epoch)), max(1, epochs // 5))
    milestones = [max(warmup, moved(milestone)) for milestone in schedule["milestones"]]
    changed["schedule"] = schedule | {"warmup": warmup, "milestones": milestones}
    # As many tests as the recipe has, if it has fewer epochs than are trained here.
    every = max(evaluate["every"], moved(evaluate["every"]))
    changed["evaluate"] = {"every": every, "each_from": moved(evaluate["each_from"])}
    if "defer" in recipe:
        changed["defer"] = min(epochs - 1, moved(recipe["defer"]))
    if "horizon" in recipe:
        changed["horizon"] = moved(recipe["horizon"])
    return changed


def training_images(definition: dict[str, Any], imbalance: str) -> int | None:
    """Training examples at an imbalance by the class sizes; None if those are unknown before the data are read.

    Whole groups may be a little fewer. Raises InputError as `class_counts` does.
    """
    sizes = _class_sizes(definition)
    if sizes is None:
        return None
    share, factor = validation(definition), factors.ratio(imbalance)
    left = [size - min(size - 1, max(1, round(share * size))) for size in sizes] if share else list(sizes)
    if factor is None:
        return sum(left)
    largest = definition["n_max"] or min(left)
    return sum(class_counts(largest, factor, len(left), definition.get("decay_decimals")))


def _class_sizes(definition: dict[str, Any]) -> Sequence[int] | None:
    """Training examples of each class; None if they are unknown before the data are read."""
    if "kind" not in definition:
        return None
    literal: Sequence[int] | None = parts.literal(sources.PACKAGE, definition["kind"], "CLASS_SIZES", None)
    of_kind = {key: definition[key] for key in ("kind", *sources.keys(definition["kind"]))}
    return literal or _counted(json.dumps(of_kind, sort_keys=True))


@functools.cache
def _counted(definition: str) -> Sequence[int] | None:
    """The class sizes that follow from the settings of a source, which may have to list all files for them.

    None for data that cannot be read, which the checks of the plan or the job that reads them report.
    """
    with contextlib.suppress(InputError, OSError):
        sizes: Sequence[int] | None = sources.declared(json.loads(definition), "class_sizes", None)
        return sizes
    return None
