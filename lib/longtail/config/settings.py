"""The resolved settings of one job: of a data set, a Stage 1, a Stage 2 or a post-hoc method."""

import functools
from pathlib import Path
from typing import Any

from longtail import imbalance as factors
from longtail.config import archives, backbones, own, sources
from longtail.config.plan import NETWORK, Training
from longtail.config.registry import Registry, merge
from longtail.runtime import files, parts

LINEAR = {"name": "linear"}
# Keys of `compute` that change no result, so that changing them must not repeat a training.
NO_PART_OF_RESULTS = ("workers", "jobs_per_gpu", "one_process", "pack")
# Keys of `compute` that jobs are given only if they are true: false is what was before there was the key, so that
# finished trainings need not be repeated.
GIVEN_IF_TRUE = ("fused",)


def source(registry: Registry, dataset: str) -> dict[str, Any]:
    """Settings that the arrays of a data set depend on: without its paths, its archive and keys without a value."""
    definition = registry.datasets[dataset]
    keys = {key: rule for key, rule in sources.keys(definition["kind"]).items() if key != "archive"}
    values = {key: definition[key] for key in keys.keys() - sources.paths(keys) if definition[key] is not None}
    return merge(sources.declared(definition, "fixed", {}), {"kind": definition["kind"], **values})


def splitting(registry: Registry, dataset: str) -> dict[str, Any]:
    """What a data set says about how it is split: the share for validation, and the source if it knows groups.

    Without either it is empty, so that nothing is split again.
    """
    definition = registry.datasets[dataset]
    share = own.validation(definition)
    found: dict[str, Any] = {"validation": share} if share else {}
    return found | ({"source": source(registry, dataset)} if sources.declared(definition, "grouped", False) else {})


def place(registry: Registry, dataset: str) -> dict[str, Any]:
    """Paths of a data set on this machine: those of its definition, and `files` if its archive is unpacked."""
    definition = registry.datasets[dataset]
    keys = sources.paths(sources.keys(definition["kind"]) | sources.keys_of_backbones())
    paths = {key: definition[key] for key in keys if definition[key] is not None}
    unpacked = archives.unpacked(definition)
    return paths | {"files": [str(path) for path in unpacked]} if unpacked else paths


def stage1(registry: Registry, dataset: str, imbalance: str, backbone: str, method: str, seed: int) -> dict[str, Any]:
    """Settings of the Stage 1 of a one-stage method.

    `backbone` is the one that the table names; the method may replace it by another (`backbones`). Weights that it
    starts from bring their recipe and their normalisation of images. A recipe may replace some of the preprocessing.
    """
    block = overridden(registry, dataset, imbalance, method, "stage1")
    named, table_name = backbones.architecture(registry, backbone), backbone
    backbone = block["backbones"].get(named, named)
    block = {key: value for key, value in block.items() if key != "backbones"}
    entry = backbones.entry(registry, table_name)
    if entry and entry["recipe"]:
        block["recipe"] = {"name": entry["recipe"], **registry.recipes[entry["recipe"]]}
    else:
        block = _with_recipe(registry, dataset, backbone, method, block, "stage1")
        block["recipe"] = own.fitted(registry, dataset, imbalance, block["recipe"])
    rules, data = parts.settings("models", backbone), registry.datasets[dataset]
    # Files of weights are identified by their content, not by their path.
    of_backbone = {key: _content(data[key]) if "path" in rule else data[key] for key, rule in rules.items()}
    if entry:
        of_backbone["weights"] = backbones.digest(entry)
    block["preprocessing"] = _preprocessing(registry, dataset, table_name, block["recipe"].pop("preprocessing", {}))
    return block | _common(registry, seed) | {"backbone": backbone} | of_backbone


def stage2(registry: Registry, dataset: str, imbalance: str, backbone: str, method: str, seed: int) -> dict[str, Any]:
    """Settings of a two-stage method's Stage 2, with the backbone and the preprocessing of its network.

    Its recipe may replace some of the preprocessing, but not the normalisation that the network was trained with.
    """
    network = stage1(registry, dataset, imbalance, backbone, registry.methods[method]["stage1"], seed)
    block = overridden(registry, dataset, imbalance, method, "stage2")
    block = _with_recipe(registry, dataset, network["backbone"], method, block, "stage2")
    frozen = [stage for stage, rate in network["recipe"].get("rates", {}).items() if rate == 0]
    block |= {"frozen": frozen} if frozen else {}
    # A new classifier is drawn as that of its Stage 1; what is the default is not repeated.
    if not block["classifier"]["keep_stage1"] and network["head"] != LINEAR:
        block["head"] = network["head"]
    replaced, images = block["recipe"].pop("preprocessing", {}), network["preprocessing"]
    augmentation = {key: value for key, value in replaced.items() if key not in backbones.NORMALISATION}
    block |= {"preprocessing": images | augmentation if images else {}, "backbone": network["backbone"]}
    return block | _common(registry, seed)


def of_training(registry: Registry, training: Training) -> dict[str, Any]:
    """Settings of the job of a training."""
    kind = stage1 if training.block == NETWORK else stage2
    return kind(registry, **vars(training.setting), method=training.method, seed=training.seed)


def post_hoc(registry: Registry, dataset: str, imbalance: str, method: str) -> dict[str, Any]:
    """Settings of a method that changes a finished classifier."""
    return {"post_hoc": overridden(registry, dataset, imbalance, method, "post_hoc")}


def _with_recipe(
    registry: Registry, dataset: str, backbone: str, method: str, block: dict[str, Any], stage: str
) -> dict[str, Any]:
    """A block with its whole recipe: the method's, unless the data set replaces it (for all backbones or for one)."""
    recipe = registry.datasets[dataset]["recipes"].get(block["recipe"], block["recipe"])
    if isinstance(recipe, dict):
        recipe = recipe.get(backbone, block["recipe"])
    if own.has_text_recipes(registry.datasets[dataset]):
        return {
            **block,
            "recipe": own.text_recipe(registry, registry.datasets[dataset], backbone, block["recipe"], stage),
        }
    return {**block, "recipe": {"name": recipe, **registry.recipe(recipe, f"method '{method}'")}}


def overridden(registry: Registry, dataset: str, imbalance: str, method: str, stage: str) -> dict[str, Any]:
    """A block of a method with its overrides for a data set at an imbalance applied."""
    definition, data = registry.methods[method], registry.datasets[dataset]
    block: dict[str, Any] = definition[stage]
    for override in definition["overrides"]:
        slugs = [factors.slug(factor, f"method '{method}'") for factor in override.get("factors", [])]
        if override["dataset"] in (dataset, data.get("like")) and ("factors" not in override or imbalance in slugs):
            block = merge(block, override.get(stage, {}))
    return block


@functools.cache
def _content(path: str | None) -> str | None:
    """Hash of a file; the path itself if the file is missing, which the plan reports."""
    return files.sha256(path) if path is not None and Path(path).is_file() else path


def _preprocessing(registry: Registry, dataset: str, backbone: str, replaced: dict[str, Any]) -> dict[str, Any]:
    """That of the data set, with what the recipe replaces and the normalisation that trained weights bring."""
    data, entry = registry.datasets[dataset], backbones.entry(registry, backbone)
    normalisation = backbones.normalisation(entry, backbone) if entry else {}
    # Titles are not preprocessed.
    return data["preprocessing"] | replaced | normalisation if sources.form(data) == sources.IMAGES else {}


def _common(registry: Registry, seed: int) -> dict[str, Any]:
    seeds, compute = registry.config["seeds"], registry.config["compute"]
    left_out = {*NO_PART_OF_RESULTS, *(key for key in GIVEN_IF_TRUE if not compute.get(key))}
    return {
        "compute": {key: value for key, value in compute.items() if key not in left_out},
        "seeds": {kind: seed if seeds[kind] is None else seeds[kind] for kind in ("initialisation", "order")},
    }
