"""Generates a page for every method of config/methods from its definition, its parts and its numbers.

The pages are in docs/methods; docs/methods.md, which `reference` updates, is their index.
"""

from collections.abc import Iterator
from typing import Any

from longtail.config import load, methods, needs, schema, settings
from longtail.config.registry import CONFIG, STAGES, Registry
from longtail.config.sources import IMAGES, form
from longtail.config.strict_yaml import as_line
from longtail.handbook import method_numbers, method_parts
from longtail.handbook.markdown import table
from longtail.handbook.method_parts import prose
from longtail.imbalance import NATURAL
from longtail.runtime import files
from longtail.runtime.fingerprint import ROOT

FOLDER = ROOT / "docs" / "methods"
COMMAND = "longtail handbook"
# The `paper` of a method that comes from no paper.
BASELINE = "baseline"


def write() -> None:
    """Write every page, and delete the pages of methods that no longer exist."""
    made = pages()
    for left_over in set(FOLDER.glob("*.md")) - {FOLDER / name for name in made}:
        left_over.unlink()
    for name, text in made.items():
        files.write_text(FOLDER / name, text)


def pages() -> dict[str, str]:
    """The pages by file name."""
    registry = load.load({}, [])
    return {f"{name}.md": page(registry, name) for name in registry.methods}


def page(registry: Registry, name: str) -> str:
    """The page of one method; empty sections are left out."""
    method = registry.methods[name]
    sections = {
        "Citation": "" if method["paper"] == BASELINE else f"{method['paper']}\n",
        "How it works": "" if "needs" in method else method_parts.explained(method),
        "Recipe": "".join(_recipes(registry, name, stage) for stage in STAGES if isinstance(method.get(stage), dict)),
        "Settings by data set": _overrides(registry, method),
        "Calibration": f"{prose(method['calibration'])}\n" if "calibration" in method else "",
        "Printed numbers": method_numbers.printed(registry, name),
        "Measured numbers": method_numbers.measured(name) or "Nothing measured yet.\n",
    }
    texts = [f"# {method['label']}\n", *_opening(registry, name)]
    texts += [f"## {title}\n\n{text}" for title, text in sections.items() if text]
    return "\n".join([*texts, "---\n", _ending(name)])


def _opening(registry: Registry, name: str) -> list[str]:
    """What the method is, which network it uses or what it lacks, and the command that runs it alone."""
    method = registry.methods[name]
    about = [f"{prose(method['about'])}\n"] if "about" in method else []
    if "needs" in method:
        return [
            *about,
            f"**Planned**: it needs {prose(method['needs'])}. Until then tables show what papers print.\n",
        ]
    stage1 = methods.stage1_of(method, name)
    run = f"results/runs/digits/if50/resnet32/{stage1}/seed0"
    target = f"{run}/{name}/metrics.json" if _classifies(registry, stage1) else f"{run}/stage1/last.pt"
    return [
        *about,
        f"{_status(registry, name)}{_variant(registry, name)}\n",
        "To run it, and no more than it needs, on the demo's digits (`cifar10/if100` in place of `digits/if50`: on "
        "CIFAR-10-LT at factor 100):\n",
        f"```sh\nsnakemake {target}\n```\n",
    ]


def _classifies(registry: Registry, stage1: str) -> bool:
    return methods.outputs(registry.methods[stage1]["stage1"]) is None


def _status(registry: Registry, name: str) -> str:
    method = registry.methods[name]
    if isinstance(method["stage1"], str):
        change = "trains a classifier on it" if "stage2" in method else "changes its classifier without training"
        base = _link(registry, method["stage1"])
        return f"**Runs** on the Stage 1 of {base}, which that page describes, and {change}."
    networks = method["stage1"].get("networks", {})
    listed = ", ".join(f"{_link(registry, other)} (`{role}`)" for role, other in sorted(networks.items()))
    reads = f", which reads the finished network of {listed}" if networks else ""
    users = [other for other, definition in sorted(registry.methods.items()) if name in _networks_used(definition)]
    links = ", ".join(_link(registry, user) for user in users)
    used_by = f" Its network is also used by {links}." if users else ""
    kind = "a Stage 1 of its own" if _classifies(registry, name) else "a pre-training, which is no row of a table"
    return f"**Runs** with {kind}{reads}.{used_by}"


def _networks_used(method: dict[str, Any]) -> list[str]:
    """The one-stage methods whose networks a method uses."""
    stage1 = method.get("stage1", {})
    return [stage1] if isinstance(stage1, str) else list(stage1.get("networks", {}).values())


def _variant(registry: Registry, name: str) -> str:
    base = schema.read_yaml(CONFIG / "methods" / f"{name}.yaml").get("extends")
    return f" It is {_link(registry, base)} but for the settings that its file names." if base else ""


def _recipes(registry: Registry, name: str, stage: str) -> str:
    """The recipes of a stage, each with the data sets that use it."""
    users: dict[str, list[str]] = {}
    recipes: dict[str, dict[str, Any]] = {}
    for dataset, definition in sorted(registry.datasets.items()):
        for backbone in _backbones(registry, dataset, name):
            recipe = _stage(registry, dataset, backbone, name, stage)["recipe"]
            recipes[recipe["name"]] = recipe
            titles = users.setdefault(recipe["name"], [])
            titles += [definition["title"]] if definition["title"] not in titles else []
    rows = [
        (", ".join(users[key]), f"`{key}`", _epochs(recipe), str(recipe["batch_size"]), *_steps(recipe))
        for key, recipe in recipes.items()
    ]
    head = ("data sets", "recipe", "epochs", "batch", "learning rate", "momentum", "weight decay")
    return f"Stage {stage[-1]}, from [config/recipes.yaml](../../config/recipes.yaml):\n\n{table(head, rows)}"


def _backbones(registry: Registry, dataset: str, name: str) -> list[str]:
    """The backbones whose recipes are listed for a data set: one for images, all that can run for titles."""
    definition = registry.datasets[dataset]
    if "kind" not in definition:
        return []
    backbones = {name for value in definition["recipes"].values() if isinstance(value, dict) for name in value}
    if form(definition) == IMAGES:
        backbones = {"resnet32"}
    return [backbone for backbone in sorted(backbones) if needs.runs_on_form(registry, dataset, backbone, name)]


def _stage(registry: Registry, dataset: str, backbone: str, name: str, stage: str) -> dict[str, Any]:
    if stage == "stage1":
        return settings.stage1(registry, dataset, NATURAL, backbone, name, 0)
    return settings.stage2(registry, dataset, NATURAL, backbone, name, 0)


def _epochs(recipe: dict[str, Any]) -> str:
    return f"{recipe['epochs']}, or stopped early" if "early_stopping" in recipe else str(recipe["epochs"])


def _steps(recipe: dict[str, Any]) -> tuple[str, str, str]:
    """Learning rate over the epochs, momentum and weight decay in words."""
    schedule, rate = recipe["schedule"], f"{recipe['learning_rate']:g}"
    if schedule["warmup"]:
        begin = f" from {schedule['warmup_from']:.2g} times it" if schedule["warmup_from"] else ""
        rate += f" after {schedule['warmup']} epochs of warm-up{begin}"
    if schedule["kind"] == "cosine":
        rate += ", by a cosine to 0"
    elif schedule["milestones"]:
        rate += f", × {schedule['factor']:g} after epoch {' and '.join(map(str, schedule['milestones']))}"
    nesterov = ", Nesterov" if recipe["nesterov"] else ""
    momentum = "Adam" if recipe.get("optimizer") == "adam" else f"{recipe['momentum']:g}{nesterov}"
    return rate, momentum, f"{recipe['weight_decay']:g}"


def _overrides(registry: Registry, method: dict[str, Any]) -> str:
    """The settings that a method overrides for single data sets, a column for each setting."""
    rows = []
    for override in method["overrides"]:
        blocks = {key: override[key] for key in method_parts.BLOCKS if key in override}
        rows.append((override, dict(_leaves(blocks))))
    keys = list(dict.fromkeys(key for _, values in rows for key in values))
    shown = [
        (
            ", ".join(_titles(registry, override["dataset"])),
            ", ".join(map(str, override.get("factors", ["all"]))),
            *(f"`{as_line(values[key])}`" if key in values else "" for key in keys),
        )
        for override, values in rows
    ]
    return table(("data set", "factors", *(f"`{key}`" for key in keys)), shown) if rows else ""


def _titles(registry: Registry, dataset: str) -> list[str]:
    """The titles of a data set and of those that use its hyper-parameters (`like`)."""
    like_it = [other["title"] for _, other in sorted(registry.datasets.items()) if other.get("like") == dataset]
    return [registry.datasets[dataset]["title"], *like_it]


def _leaves(blocks: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Dotted keys and values below the stages; the name of a part has the part's own key."""
    for key, value in blocks.items():
        for inner, leaf in value.items():
            if isinstance(leaf, dict):
                yield from ((f"{inner}.{end}".removesuffix(".name"), last) for end, last in _leaves({key: leaf}))
            else:
                yield inner, leaf


def _link(registry: Registry, name: str) -> str:
    return f"[{registry.methods[name]['label']}]({name}.md)"


def _ending(name: str) -> str:
    path = f"config/methods/{name}.yaml"
    sources = f"[{path}](../../{path}), the parts that it names, the tables and the published results"
    return f"_Made by `{COMMAND}` from {sources}: change those, not this page._\n"
