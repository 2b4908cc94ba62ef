"""What is missing before a method can run in a setting."""

from typing import Any

from longtail import imbalance as factors
from longtail.config import backbones, chain, datasets, methods, own, recipes, settings
from longtail.config.plan import Setting
from longtail.config.registry import Registry, named_parts
from longtail.config.sources import IMAGES, declared, form, is_streamed, made_for
from longtail.runtime import parts
from longtail.runtime.errors import InputError

STANDARD = {"name": "standard"}


def before(registry: Registry, where: str, name: str, setting: Setting) -> list[str]:
    """What is missing before a method, with all networks that it reads, can run in a setting.

    Raises InputError if its settings contradict each other.
    """
    if missing := _of_setting(registry, name, setting):
        return missing
    *others, _ = chain.stage1s(registry, setting, name)
    for other in others:
        if missing := [*_of_setting(registry, other, setting), *_of_settings(registry, where, other, setting)]:
            return [f"{text} (for '{other}', whose network it reads)" for text in missing]
        _check_same_backbone(registry, f"{where}: method '{name}'", other, name, setting)
    return _of_settings(registry, where, name, setting)


def _check_same_backbone(registry: Registry, at: str, other: str, name: str, setting: Setting) -> None:
    """Raises InputError if a network and the one that it reads have different backbones."""
    base = methods.stage1_of(registry.methods[name], name)
    trained = [settings.stage1(registry, **vars(setting), method=each, seed=0)["backbone"] for each in (other, base)]
    if trained[0] != trained[1]:
        raise InputError(
            f"{at}, key 'stage1.networks': '{other}' trains {trained[0]} and '{base}' {trained[1]}: set "
            "stage1.backbones alike"
        )


def _of_setting(registry: Registry, name: str, setting: Setting) -> list[str]:
    """What the data set, the backbone or the method itself lacks before the method can run in a setting."""
    dataset, method = registry.datasets[setting.dataset], registry.methods[name]
    needs, planned = datasets.needs(setting.dataset, dataset), "needs" in method
    backbone = backbones.architecture(registry, setting.backbone)
    if not planned:
        base = methods.stage1_of(method, name)
        stage1 = settings.overridden(registry, setting.dataset, setting.imbalance, base, "stage1")
        forms = stage1["backbones"]
        if forms and backbone not in forms:
            return [*needs, f"a form of {backbone} in stage1.backbones (there is one of {', '.join(forms)})"]
        backbone = forms.get(backbone, backbone)
    known = backbone in parts.names("models")
    if (
        known
        and not needs
        and (missing := _form_needs(dataset, backbone, {} if planned else stage1, method.get("stage2", {})))
    ):
        needs.append(missing)
    entry = backbones.entry(registry, setting.backbone)
    if entry and not needs and form(dataset) == IMAGES:
        needs += _normalisation_needs(entry, setting, declared(dataset, "channels", 3))
    for key in parts.settings("models", backbone) if known else ():
        if dataset[key] is None:
            needs.append(f"the weights that {backbone} starts from: set {key} of data set {setting.dataset}")
    if planned:
        needs.append(method["needs"])
    return needs if known or needs else [f"backbone {backbone}"]


def _of_settings(registry: Registry, where: str, name: str, setting: Setting) -> list[str]:
    """What the settings of a method, on this data set at this factor, and `compute` lack before it can run."""
    method = registry.methods[name]
    at = f"{where}: method '{name}' on {setting.dataset}"
    base, compute = methods.stage1_of(method, name), registry.config["compute"]
    stage1 = settings.stage1(registry, setting.dataset, setting.imbalance, setting.backbone, base, seed=0)
    recipes.check_defer(stage1, stage1["recipe"], at)
    recipes.check_deferral(registry, stage1, at)
    recipes.check_channels(registry, setting.dataset, stage1["recipe"]["name"], at)
    if base != name:
        methods.check_head(stage1, base, at)
    has_validation = own.has_validation(registry.datasets[setting.dataset])
    if "early_stopping" in stage1["recipe"] and not has_validation:
        return [
            f"a recipe without early_stopping in place of {stage1['recipe']['name']}, or a validation split "
            f"(validation: 0.1 of data set {setting.dataset})"
        ]
    if stage1["recipe"].get("optimizer") == "adam" and compute["processes"] > 1:
        return ["compute.processes at 1, as Adam's averages are not shared among processes"]
    if missing := _rates_needs(registry, stage1, setting):
        return missing
    if compute["processes"] > 1 or compute["micro_batches"] > 1:
        if parts.literal("models", stage1["backbone"], "DRAWS", False):
            return [
                f"compute.processes and compute.micro_batches at 1, as backbone '{stage1['backbone']}' draws its "
                "dropout for whole batches"
            ]
        for key, package, part in named_parts(stage1):
            if parts.literal(package, part["name"], "WHOLE_BATCHES", False):
                return [
                    f"compute.processes and compute.micro_batches at 1, as {key} '{part['name']}' wants whole batches"
                ]
    if "stage2" in method:
        block = settings.stage2(registry, setting.dataset, setting.imbalance, setting.backbone, name, seed=0)
        methods.check_stage2(block, at)
        if "early_stopping" in block["recipe"]:
            return [f"a recipe of Stage 2 without early_stopping in place of {block['recipe']['name']}"]
        if "rates" in block["recipe"]:
            return [f"a recipe of Stage 2 without rates in place of {block['recipe']['name']}"]
    if "post_hoc" in method and setting.imbalance == factors.NATURAL:
        block = settings.overridden(registry, setting.dataset, setting.imbalance, name, "post_hoc")
        if block.get("tau", 0) is None and not own.validation(registry.datasets[setting.dataset]):
            return [
                "a number as post_hoc.tau, since a set that is used as it is leaves no image to choose it on, or a "
                f"validation split (validation: 0.1 of data set {setting.dataset})"
            ]
    return []


def _normalisation_needs(entry: dict[str, Any], setting: Setting, channels: int) -> list[str]:
    """What is missing if weights expect images with another number of channels."""
    expected = len(backbones.normalisation(entry, setting.backbone).get("mean", []))
    if expected == channels:
        return []
    return [f"weights for images of {channels} channel(s), as those of {setting.backbone} are for {expected}"]


def _rates_needs(registry: Registry, stage1: dict[str, Any], setting: Setting) -> list[str]:
    """What is missing before the parts of a network can learn at the rates of their recipe."""
    recipe = stage1["recipe"]
    rates = recipe.get("rates", {"earlier_stages": 1, "last_stage": 1})
    starts = backbones.entry(registry, setting.backbone) or methods.START in stage1.get("networks", {})
    if 0 in rates.values() and not starts:
        return [f"weights to start from, as recipe {recipe['name']} freezes stages of the backbone"]
    has_stages = parts.literal("models", stage1["backbone"], "LAST_STAGE", ())
    if rates["earlier_stages"] != rates["last_stage"] and not has_stages:
        return [f"a recipe whose rates are the same in all stages, as {stage1['backbone']} has none"]
    return []


def runs_on_form(registry: Registry, dataset: str, backbone: str, name: str) -> bool:
    """Whether a method can run on a data set with a backbone, as far as images and titles are concerned."""
    method = registry.methods[name]
    stage1 = settings.overridden(registry, dataset, factors.NATURAL, methods.stage1_of(method, name), "stage1")
    forms, definition = stage1["backbones"], registry.datasets[dataset]
    if forms and backbone not in forms:
        return False
    return _form_needs(definition, forms.get(backbone, backbone), stage1, method.get("stage2", {})) is None


def _form_needs(dataset: dict[str, Any], backbone: str, stage1: dict[str, Any], stage2: dict[str, Any]) -> str | None:
    """What is missing if data set, backbone and stages are not all for the same kind of examples; else None."""
    kind = form(dataset)
    if (other := made_for(backbone)) != kind:
        return f"a backbone for {kind} ({backbone} is for {other})"
    algorithm = stage1.get("algorithm", STANDARD)
    if kind == IMAGES:
        in_memory = parts.literal("stage1.algorithms", algorithm["name"], "IN_MEMORY", False)
        if in_memory and is_streamed(dataset):
            return f"a form of algorithm {algorithm['name']} for images that stay in files"
        return None
    for key in ("mixing", "randaugment"):
        if stage1.get(key) is not None or stage2.get(key) is not None:
            return f"a form of {key} for {kind}"
    if stage2.get("batch_norm") == "shifted":
        return f"a Stage 2 with batch_norm: frozen, since backbones for {kind} have none to shift"
    return None if algorithm == STANDARD else f"a form of algorithm {algorithm['name']} for {kind}"
