"""What one job is told: the resolved settings of a data set, a Stage 1 or a Stage 2."""

import functools
from pathlib import Path
from typing import Any

from longtail import imbalance as factors
from longtail.config import archives, sources
from longtail.config.plan import NETWORK, Training
from longtail.config.registry import Registry, merge
from longtail.runtime import files, parts

# Keys of `compute` that change no result, and so must not make a training run again.
NO_PART_OF_RESULTS = ("workers", "jobs_per_gpu", "pack")


def source(registry: Registry, dataset: str) -> dict[str, Any]:
    """Settings that the arrays of a data set depend on, wherever it is, and whatever archive it comes in."""
    definition = registry.datasets[dataset]
    own = {key: rule for key, rule in sources.keys(definition["kind"]).items() if key != "archive"}
    told = {key: definition[key] for key in own.keys() - sources.paths(own)}
    return merge(sources.declared(definition, "fixed", {}), {"kind": definition["kind"], **told})


def place(registry: Registry, dataset: str) -> dict[str, Any]:
    """Paths of a data set on this machine: those it gives, and `files` where those of its archive are unpacked."""
    definition = registry.datasets[dataset]
    keys = sources.paths(sources.keys(definition["kind"]) | sources.keys_of_backbones())
    told = {key: definition[key] for key in keys if definition[key] is not None}
    unpacked = archives.unpacked(definition)
    return told | {"files": [str(path) for path in unpacked]} if unpacked else told


def stage1(registry: Registry, dataset: str, imbalance: str, backbone: str, method: str, seed: int) -> dict[str, Any]:
    """Settings of the Stage 1 of a one-stage method, with the backbone that it takes for the one a table names."""
    block = overridden(registry, dataset, imbalance, method, "stage1")
    backbone = block["backbones"].get(backbone, backbone)
    block = _told(registry, dataset, backbone, method, {key: block[key] for key in block if key != "backbones"})
    rules, data = parts.settings("models", backbone), registry.datasets[dataset]
    # Weights are known by what they are, wherever they lie.
    wanted = {key: _content(data[key]) if "path" in rule else data[key] for key, rule in rules.items()}
    return block | _common(registry, dataset, seed) | {"backbone": backbone} | wanted


def stage2(registry: Registry, dataset: str, imbalance: str, backbone: str, method: str, seed: int) -> dict[str, Any]:
    """Settings of a two-stage method's Stage 2, with the backbone of the network it stands on."""
    beneath = stage1(registry, dataset, imbalance, backbone, registry.methods[method]["stage1"], seed)
    block = overridden(registry, dataset, imbalance, method, "stage2")
    block = _told(registry, dataset, beneath["backbone"], method, block)
    return block | _common(registry, dataset, seed) | {"backbone": beneath["backbone"]}


def of_training(registry: Registry, training: Training) -> dict[str, Any]:
    """Settings of the job of a training."""
    kind = stage1 if training.block == NETWORK else stage2
    return kind(registry, **vars(training.setting), method=training.method, seed=training.seed)


def post_hoc(registry: Registry, dataset: str, imbalance: str, method: str) -> dict[str, Any]:
    """Settings of a method that changes a finished classifier."""
    return {"post_hoc": overridden(registry, dataset, imbalance, method, "post_hoc")}


def _told(registry: Registry, dataset: str, backbone: str, method: str, block: dict[str, Any]) -> dict[str, Any]:
    """A block with all of the recipe that the data set, or the backbone on it, has in place of the method's."""
    recipe = registry.datasets[dataset]["recipes"].get(block["recipe"], block["recipe"])
    if isinstance(recipe, dict):
        recipe = recipe.get(backbone, block["recipe"])
    return {**block, "recipe": {"name": recipe, **registry.recipe(recipe, f"method '{method}'")}}


def overridden(registry: Registry, dataset: str, imbalance: str, method: str, stage: str) -> dict[str, Any]:
    """A block of a method as it stands for a data set at an imbalance."""
    definition, data = registry.methods[method], registry.datasets[dataset]
    block: dict[str, Any] = definition[stage]
    for override in definition["overrides"]:
        slugs = [factors.slug(factor, f"method '{method}'") for factor in override.get("factors", [])]
        if override["dataset"] in (dataset, data.get("like")) and ("factors" not in override or imbalance in slugs):
            block = merge(block, override.get(stage, {}))
    return block


@functools.cache
def _content(path: str | None) -> str | None:
    """Hash of a file; the path itself where there is none, which the plan refuses."""
    return files.sha256(path) if path is not None and Path(path).is_file() else path


def _common(registry: Registry, dataset: str, seed: int) -> dict[str, Any]:
    seeds = registry.config["seeds"]
    data = registry.datasets[dataset]
    return {
        # Titles are learnt from as they are.
        "preprocessing": data["preprocessing"] if sources.form(data) == sources.IMAGES else {},
        "compute": {key: value for key, value in registry.config["compute"].items() if key not in NO_PART_OF_RESULTS},
        "seeds": {kind: seed if seeds[kind] is None else seeds[kind] for kind in ("initialisation", "order")},
    }
