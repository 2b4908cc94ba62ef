"""What a data set of your own gets where it does not say how it is trained: a schedule that fits its size, and for
titles the recipe of texts and a validation split.
"""

import functools
import json
import math
from collections.abc import Sequence
from typing import Any

from longtail import imbalance as factors
from longtail.config import sources
from longtail.config.registry import CONFIG, Registry
from longtail.data.long_tail import class_counts

# Steps of Stage 1: some 20 % of MiSLAS on CIFAR-10-LT for images; about as many as early stopping leaves for titles.
STEPS = {"images": 4000, "titles": 2000}
FEWEST_EPOCHS, MOST_EPOCHS = 10, 1000
# The share of titles that early stopping looks at.
SHARE = 0.1
# Titles are trained like those of LADC's Table 5, whatever recipe a method names for images.
TITLES = "titles"
LIKE = "thucnews"
RECIPES = {"textcnn": "TextCNN", "textrnn": "TextRNN"}
OTHER_RECIPE = "Transformer"
CLASSIFIER_RECIPE = "LADC-S2"


def completed(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition in which titles are `like` those of LADC's Table 5, whose networks methods have settings for."""
    is_text = "kind" in definition and "like" not in definition and sources.form(definition) == TITLES
    return definition | {"like": LIKE} if is_text else definition


def is_own(registry: Registry, dataset: str) -> bool:
    """Whether a data set is defined by the user alone, and is none of `config/datasets`."""
    return dataset in registry.config["datasets"] and not (CONFIG / "datasets" / f"{dataset}.yaml").is_file()


def has_text_recipes(definition: dict[str, Any]) -> bool:
    """Whether a data set consists of titles and names no recipes, so that it gets those of texts."""
    return not definition["recipes"] and "kind" in definition and sources.form(definition) == TITLES


def text_recipe(registry: Registry, backbone: str, recipe: str, stage: str) -> dict[str, Any]:
    """The recipe for titles in place of one for images, which says when a deferred part takes effect."""
    if stage == "stage2":
        return {"name": CLASSIFIER_RECIPE, **registry.recipe(CLASSIFIER_RECIPE, TITLES)}
    name, replaced = RECIPES.get(backbone, OTHER_RECIPE), registry.recipe(recipe, TITLES)
    text = {"name": name, **registry.recipe(name, TITLES)}
    if "defer" in replaced:
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
    is_plain = not definition["recipes"] and ("like" not in definition or sources.form(definition) == TITLES)
    return STEPS.get(sources.form(definition)) if is_own(registry, dataset) and is_plain else None


def fitted(registry: Registry, dataset: str, imbalance: str, recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe of Stage 1 for about `steps` steps, with everything that is counted in epochs moved alike.

    It has at least 10 epochs and never more than the recipe, unless that stops early. The recipe itself if the number
    of images is unknown before the data are read.
    """
    wanted, images = steps(registry, dataset), training_images(registry.datasets[dataset], imbalance)
    if wanted is None or images is None:
        return recipe
    most = MOST_EPOCHS if "early_stopping" in recipe else recipe["epochs"]
    epochs = min(most, max(FEWEST_EPOCHS, round(wanted / math.ceil(images / recipe["batch_size"]))))
    return recipe | _moved(recipe, epochs)


def _moved(recipe: dict[str, Any], epochs: int) -> dict[str, Any]:
    """The keys of a recipe that are counted in epochs, for another number of them."""

    def moved(epoch: int) -> int:
        return max(1, round(epoch * epochs / int(recipe["epochs"])))

    schedule, evaluate = recipe["schedule"], recipe["evaluate"]
    changed: dict[str, Any] = {"epochs": epochs}
    warmup = moved(schedule["warmup"]) if schedule["warmup"] else 0
    milestones = [max(warmup, moved(milestone)) for milestone in schedule["milestones"]]
    changed["schedule"] = schedule | {"warmup": warmup, "milestones": milestones}
    # As many tests as the recipe has, if it has fewer epochs than are trained here.
    every = max(evaluate["every"], moved(evaluate["every"]))
    changed["evaluate"] = {"every": every, "each_from": moved(evaluate["each_from"])}
    if "defer" in recipe:
        changed["defer"] = min(epochs - 1, moved(recipe["defer"]))
    return changed


def training_images(definition: dict[str, Any], imbalance: str) -> int | None:
    """Training examples at an imbalance by the class sizes; None if those are unknown before the data are read.

    Whole groups may be a little fewer. Raises InputError as `class_counts` does.
    """
    if (
        "kind" not in definition
        or (sizes := _class_sizes(json.dumps(_of_source(definition), sort_keys=True))) is None
    ):
        return None
    share, factor = validation(definition), factors.ratio(imbalance)
    left = [size - min(size - 1, max(1, round(share * size))) for size in sizes] if share else list(sizes)
    if factor is None:
        return sum(left)
    largest = definition["n_max"] or min(left)
    return sum(class_counts(largest, factor, len(left), definition.get("decay_decimals")))


def _of_source(definition: dict[str, Any]) -> dict[str, Any]:
    return {"kind": definition["kind"]} | {key: definition[key] for key in sources.keys(definition["kind"])}


@functools.cache
def _class_sizes(definition: str) -> Sequence[int] | None:
    """Training examples of each class; cached, since a source may have to list all files for them."""
    sizes: Sequence[int] | None = sources.declared(json.loads(definition), "class_sizes", None)
    return sizes
