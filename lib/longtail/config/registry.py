"""The definitions of `config/`: data sets, methods, recipes, tables and figures, with a person's own on top."""

import contextlib
import copy
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from longtail.config import paths, schema
from longtail.config.imbalance import slug
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT
from longtail.runtime.provenance import shown

CONFIG = ROOT / "config"
STAGES = ("stage1", "stage2")
# The schema of each kind of table and figure; the first is meant where none is named.
SCHEMAS = {
    "table": {"methods": "table", "datasets": "statistics", "claims": "claims"},
    "figure": {"reliability": "figure"}
    | {kind: kind for kind in ("similarity", "projection", "sensitivity", "probabilities")},
}
# Where the parts of a stage stand that a method may name.
PARTS = {"loss": "losses", "head": "heads", "weighting": "weightings", "mixing": "mixing", "sampler": "samplers"}
PARTS |= {"algorithm": "stage1.algorithms", "generator": "stage2.generators", "post_hoc": "stage2.post_hoc"}
# The generator that draws nothing, and what leaves cached features as they are: augment, mixing, batch_norm.
REAL, STILL = {"name": "real"}, (False, None, "frozen")
# What sources and backbones are for that do not declare a FORM.
IMAGES = "images"
NONE: Mapping[str, Any] = MappingProxyType({})
# Stands in sentences until the file at fault is looked for.
THE_CONFIG = "the configuration"


@dataclass(frozen=True)
class Registry:
    """Validated definitions by name, and the run's own config."""

    config: dict[str, Any]
    datasets: dict[str, dict[str, Any]]
    methods: dict[str, dict[str, Any]]
    recipes: dict[str, dict[str, Any]]

    def dataset(self, name: str, where: str) -> dict[str, Any]:
        """The data set `name`, or InputError saying who asked for it."""
        return _known(self.datasets, name, f"{where}: unknown data set")

    def method(self, name: str, where: str) -> dict[str, Any]:
        """The method `name`, or InputError saying who asked for it."""
        return _known(self.methods, name, f"{where}: unknown method")

    def recipe(self, name: str, where: str) -> dict[str, Any]:
        """The recipe `name`, or InputError saying who asked for it."""
        return _known(self.recipes, name, f"{where}: unknown recipe")


@contextlib.contextmanager
def blaming(files: list[Path], arguments: Mapping[str, Any] = NONE) -> Iterator[None]:
    """Name, in an InputError about the run's config, what holds the mistake: one of its `files`, or `--config`.

    `arguments` is what `--config` said.
    """
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(THE_CONFIG, _culprit(str(error), files, arguments), 1)) from None


def load(config: dict[str, Any], files: list[Path], arguments: Mapping[str, Any] = NONE) -> Registry:
    """Validate the run's config (read from `files` and the `arguments` of `--config`) and all definitions it can use.

    Raises InputError for the first mistake found.
    """
    with blaming(files, arguments):
        config = schema.check(config, "config", THE_CONFIG)
        recipes = schema.read_yaml(CONFIG / "recipes.yaml")
        registry = Registry(
            config,
            _definitions("dataset", _stored("datasets"), config["datasets"]),
            _definitions("method", _stored("methods"), config["methods"]),
            _definitions("recipe", recipes, config["recipes"]),
        )
        for name in registry.datasets:
            _check_dataset(registry, name)
        for name, recipe in registry.recipes.items():
            _check_recipe(recipe, place("recipe", name, config["recipes"]))
        # One-stage methods first: those that stand on them ask for their parts.
        for name in sorted(registry.methods, key=lambda name: isinstance(registry.methods[name].get("stage1"), str)):
            _check_method(registry, name, place("method", name, config["methods"]))
        return registry


def locate(kind: str, name: str) -> Path:
    """The file of a table or figure: a name in `config/<kind>s/`, or the path of a person's own YAML file."""
    folder = CONFIG / f"{kind}s"
    if name.endswith(paths.ENDINGS):
        if not os.path.isfile(name):  # False for a name that is too long, too
            raise InputError(f"{THE_CONFIG}, key '{kind}s': there is no file '{name}': create it or correct the path")
        return Path(name)
    known = {file.stem: file for file in folder.glob("*.yaml")}
    if name not in known:
        raise InputError(f"{THE_CONFIG}, key '{kind}s': there is no {kind} '{name}': {parts.nearest(name, known)}")
    return known[name]


def definition(kind: str, path: Path) -> dict[str, Any]:
    """The validated content of a table's or figure's file, by the schema of its own `kind`."""
    content, schemas = schema.read_yaml(path), SCHEMAS[kind]
    name = content.get("kind", next(iter(schemas)))
    if not isinstance(name, str) or name not in schemas:
        raise InputError(f"{shown(path)}: key 'kind' is {name!r}: {parts.nearest(str(name), schemas)}")
    checked: dict[str, Any] = schema.check(content, schemas[name], shown(path))
    return checked


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid upon `base`, mapping by mapping; lists, scalars and a part of another name are replaced."""
    merged = copy.deepcopy(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        both = both and ("name" not in value or value["name"] == merged[key].get("name"))
        merged[key] = merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def form(definition: dict[str, Any]) -> str:
    """What a data set is made of, as its source and the backbones for it declare: images or titles."""
    return str(of_source(definition, "FORM", IMAGES))


def of_source(definition: dict[str, Any], constant: str, default: Any) -> Any:
    """What the source of a data set says of itself as a literal; `default` where it does not, or is not known."""
    kind = definition.get("kind")
    known = kind in parts.names("data.sources")
    return parts.literal("data.sources", str(kind), constant, default) if known else default


def made_for(backbone: str) -> str:
    """What passes through a backbone, as it declares: images or titles."""
    return str(parts.literal("models", backbone, "FORM", IMAGES))


def is_streamed(definition: dict[str, Any]) -> bool:
    """Whether the images of a data set stay in files, to be decoded in the training loop."""
    return bool(definition["streamed"] or definition.get("kind") == "image_list")


def place(kind: str, name: str, own: dict[str, Any]) -> str:
    """Where a definition stands: in the run's `own` config (at least in part), or in a file of `config/`."""
    if name in own:
        return f"{THE_CONFIG}, {kind} '{name}'"
    return f"config/recipes.yaml, recipe '{name}'" if kind == "recipe" else f"config/{kind}s/{name}.yaml"


def check_stage2(block: dict[str, Any], where: str) -> None:
    """InputError where a Stage 2 draws from features that it changes, or learns nothing."""
    if block["generator"] != REAL and changed(block):
        raise InputError(
            f"{where}, key 'stage2.generator': '{block['generator']['name']}' draws from cached features, "
            "which nothing may change: set augment: false, mixing: null and batch_norm: frozen"
        )
    if not any(rate for key, rate in block["classifier"].items() if key.endswith("_rate")):
        raise InputError(f"{where}, key 'stage2.classifier': every rate is 0, so nothing learns: raise one of them")


def changed(stage2: dict[str, Any]) -> bool:
    """Whether a Stage 2 may change images or backbone, so that cached features would not do."""
    return (stage2["augment"], stage2["mixing"], stage2["batch_norm"]) != STILL


def define(registry: Registry, name: str, method: dict[str, Any], where: str) -> None:
    """Add a method that `where` makes out of another; InputError where its settings are not allowed."""
    registry.methods[name] = schema.check(method, "method", where)
    _check_method(registry, name, where)


def _stored(folder: str) -> dict[str, Any]:
    stored = {file: schema.read_yaml(file) for file in sorted((CONFIG / folder).glob("*.yaml"))}
    keys = paths.OF_DATA if folder == "datasets" else ()
    return {file.stem: paths.in_mapping(content, keys, file.parent) for file, content in stored.items()}


def _definitions(kind: str, stored: dict[str, Any], own: dict[str, Any]) -> dict[str, dict[str, Any]]:
    for name in own:
        # Paths of results are made of these names, and the folder of a Stage 1 is called stage1.
        if kind != "recipe" and (not isinstance(name, str) or not re.fullmatch(r"\w+", name) or name == "stage1"):
            raise InputError(f"{place(kind, name, own)}: the name must be letters, digits and _, and not 'stage1'")
    raw = merge(stored, own)
    names = sorted(raw, key=lambda name: name not in own)  # so that not those that extend it are blamed for a mistake
    if kind == "method":
        raw = {name: _extended(raw, name, own) for name in names}
    return {name: schema.check(raw[name], kind, place(kind, name, own)) for name in names}


def _extended(raw: dict[str, Any], name: str, own: dict[str, Any], under: tuple[str, ...] = ()) -> Any:
    """A method with what it `extends` laid beneath it; its label is its own."""
    method = raw[name]
    if not isinstance(method, dict) or "extends" not in method:
        return method
    where, base = f"{place('method', name, own)}, key 'extends'", method["extends"]
    if not isinstance(base, str) or base not in raw:
        raise InputError(f"{where}: unknown method '{base}': {parts.nearest(str(base), raw)}")
    if base in (name, *under):
        raise InputError(f"{where}: '{base}' extends '{name}' in turn: let one of them stand by itself")
    beneath = _extended(raw, base, own, (*under, name))
    if not isinstance(beneath, dict):
        raise InputError(f"{place('method', base, own)} is {beneath!r}: write keys and values there")
    if "needs" in beneath:
        raise InputError(f"{where}: '{base}' cannot run yet: it needs {beneath['needs']}")
    rest = {key: value for key, value in method.items() if key != "extends"}
    return merge({key: value for key, value in beneath.items() if key != "label"}, rest)


def _known(entries: dict[str, dict[str, Any]], name: str, complaint: str) -> dict[str, Any]:
    if name not in entries:
        raise InputError(f"{complaint} '{name}': {parts.nearest(name, entries)}")
    return entries[name]


def _check_dataset(registry: Registry, name: str) -> None:
    dataset, where = registry.datasets[name], place("dataset", name, registry.config["datasets"])
    if ("kind" in dataset) == ("needs" in dataset):
        raise InputError(f"{where}: give the data set a 'kind', or say what it 'needs' before it can be used")
    kinds = parts.names("data.sources")
    if "kind" in dataset and dataset["kind"] not in kinds:
        raise InputError(
            f"{where}, key 'kind': unknown kind '{dataset['kind']}': {parts.nearest(dataset['kind'], kinds)}"
        )
    if dataset["streamed"] and dataset.get("kind") != "folder":
        raise InputError(f"{where}, key 'streamed': only a folder can be streamed: remove it")
    if is_streamed(dataset) and dataset["preprocessing"]["center_crop"] is None:
        raise InputError(
            f"{where} lacks the key 'preprocessing.center_crop': streamed images may have any size, so give the side "
            "in pixels that they are cut to"
        )
    if form(dataset) == IMAGES:
        _check_channels(dataset, where)
    if "like" in dataset:
        registry.dataset(dataset["like"], f"{where}, key 'like'")
    for recipe, instead in dataset["recipes"].items():
        for name in [recipe, *(instead.values() if isinstance(instead, dict) else [instead])]:
            registry.recipe(name, f"{where}, key 'recipes'")


def _check_channels(dataset: dict[str, Any], where: str) -> None:
    channels = of_source(dataset, "CHANNELS", 3)
    for key in ("mean", "std"):
        given = len(dataset["preprocessing"][key])
        if given != channels:
            raise InputError(
                f"{where}, key 'preprocessing.{key}': {given} given, but its images have {channels} channel(s): "
                "give a number for each"
            )


def _check_method(registry: Registry, name: str, where: str) -> None:
    method = registry.methods[name]
    if "needs" in method:
        return
    if isinstance(method["stage1"], str):
        base = registry.method(method["stage1"], f"{where}, key 'stage1'")
        if "stage2" in base or "post_hoc" in base or "needs" in base:
            raise InputError(f"{where}, key 'stage1': '{method['stage1']}' is not a one-stage method that can run")
        check_head(base["stage1"], method["stage1"], f"{where}, key 'stage1'")
    if isinstance(method["stage1"], str) != ("stage2" in method or "post_hoc" in method):
        raise InputError(
            f"{where}: a method with a 'stage2' or 'post_hoc' names the one-stage method it shares the network of as "
            "'stage1', and a method without has a 'stage1' block of its own"
        )
    if "stage2" in method and "post_hoc" in method:
        raise InputError(f"{where}: a method has a 'stage2' or is 'post_hoc', not both: remove one")
    _check_stages(registry, method, where)
    for number, override in enumerate(method["overrides"]):
        at = f"{where}, key 'overrides.{number}'"
        registry.dataset(override["dataset"], at)
        if "stage1" in override and isinstance(method["stage1"], str):
            raise InputError(f"{at}: the Stage 1 is that of '{method['stage1']}': set its overrides there")
        for factor in override.get("factors", []):
            slug(factor, at)
        laid = {stage: override[stage] for stage in (*STAGES, "post_hoc") if stage in override}
        _check_stages(registry, schema.check(merge(method, laid), "method", at), at)


def named_parts(block: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Dotted key, package and settings of every part that a mapping names, however deep."""
    for key, value in block.items():
        if isinstance(value, dict):
            if key in PARTS and "name" in value:
                yield f"{prefix}{key}", PARTS[key], value
            yield from named_parts(value, f"{prefix}{key}.")


def _check_stages(registry: Registry, method: dict[str, Any], where: str) -> None:
    for stage in STAGES:
        block = method.get(stage)
        if not isinstance(block, dict):
            continue
        recipe = registry.recipe(block["recipe"], f"{where}, key '{stage}.recipe'")
        for key, package, part in named_parts(block):
            _check_part(package, part, where, f"{stage}.{key}", block)
        check_recipe(block, recipe, where)
        if stage == "stage2":
            check_stage2(block, where)
        else:
            _check_stage1(block, where)
    if "post_hoc" in method:
        _check_part("stage2.post_hoc", method["post_hoc"], where, "post_hoc", method)


def check_recipe(block: dict[str, Any], recipe: dict[str, Any], where: str) -> None:
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


def _check_recipe(recipe: dict[str, Any], where: str) -> None:
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


def check_head(block: dict[str, Any], name: str, where: str) -> None:
    """InputError where the network of a Stage 1 called `name` has a head that nothing can stand on."""
    head = block["head"]["name"]
    if not parts.literal("heads", head, "LINEAR", False):
        raise InputError(
            f"{where}: '{name}' has the head '{head}', and what stands on a finished network wants a linear one: "
            "name another method"
        )


def _check_stage1(block: dict[str, Any], where: str) -> None:
    deferred = block["deferred"]
    if deferred is not None and all(block[key] == part for key, part in deferred.items()):
        raise InputError(
            f"{where}, key 'stage1.deferred': is what training begins with, so nothing changes: replace or remove it"
        )
    algorithm = block["algorithm"]["name"]
    for key in parts.literal("stage1.algorithms", algorithm, "WITHOUT", []):
        if block[key] is not None:
            raise InputError(f"{where}, key 'stage1.{key}': has no meaning under algorithm '{algorithm}': remove it")
    known = parts.names("models")
    for name in block["backbones"].values():
        if name not in known:
            raise InputError(
                f"{where}, key 'stage1.backbones': unknown backbone '{name}': {parts.nearest(name, known)}"
            )


def _check_part(package: str, block: dict[str, Any], where: str, key: str, stage: dict[str, Any]) -> None:
    name, kind = block["name"], key.rsplit(".", 1)[-1]
    if name not in parts.names(package):
        raise InputError(
            f"{where}, key '{key}.name': unknown {kind} '{name}': {parts.nearest(name, parts.names(package))}"
        )
    wanted = parts.settings(package, name)
    for given in block:
        if given != "name" and given not in wanted:
            raise InputError(f"{where}, key '{key}': unknown setting '{given}': {parts.nearest(given, wanted)}")
    for setting, rule in wanted.items():
        if setting not in block:
            raise InputError(f"{where}, key '{key}' lacks '{setting}', a setting of {name}: add it")
        if "same_as" in rule:
            other, at = rule["same_as"].split(".")
            same = stage.get(other, {}).get(at)  # a Stage 2 has no head of its own
            if same != block[setting]:
                raise InputError(
                    f"{where}, key '{key}.{setting}' is {block[setting]!r} and '{rule['same_as']}' is "
                    f"{same!r}: {name} wants them equal"
                )
    schema.conform(block, {"properties": wanted}, f"{where}, '{key}'")


def _culprit(sentence: str, files: list[Path], arguments: Mapping[str, Any]) -> str:
    """What holds the name that a sentence complains of first: `--config`, a person's own file, or the default."""
    quoted = sentence.split("'")[1] if "'" in sentence else ""
    # The number of an item in a list is written nowhere.
    key = next((part for part in reversed(quoted.split(".")) if not part.isdecimal()), quoted)
    if key in re.findall(r"[\w-]+", str(arguments)):
        return "--config"
    holding = [file for file in files if key and key in file.read_text(encoding="utf-8")]
    own = [file for file in holding if file.resolve() != CONFIG / "config.yaml"]
    return shown((own or holding)[-1]) if holding else THE_CONFIG
