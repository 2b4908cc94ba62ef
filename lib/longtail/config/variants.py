"""Methods that differ from another in one setting, for figures over the values of settings."""

import re
from collections.abc import Sequence
from typing import Any

from longtail.config import methods, settings
from longtail.config.registry import STAGES, Registry, merge
from longtail.runtime.errors import InputError


def of(
    registry: Registry,
    where: str,
    own: str,
    dataset: str,
    imbalance: str,
    key: str,
    values: Sequence[float | str],
    title: str,
) -> tuple[float | str | None, list[str]]:
    """The value that a method has of a setting on a data set at an imbalance, and a method for each of `values`.

    The value is None where it is not among `values`. The method that has it is the method itself; any other becomes a
    method of its own, `ladc_generator_alpha_0_05`, whose label names the setting by `title`.
    Raises InputError for a setting that the method lacks, a value it may not have, and a name that is taken.
    """
    method = registry.method(own, where)
    stage, *path = key.split(".")
    block: Any = None
    if stage in (*STAGES, "post_hoc") and isinstance(method.get(stage), dict):
        block = settings.overridden(registry, dataset, imbalance, own, stage)
    for step in path[:-1]:
        block = block.get(step) if isinstance(block, dict) else None
    if not path or not isinstance(block, dict) or isinstance(block.get(path[-1], {}), dict):
        raise InputError(f"{where}: method '{own}' has no setting '{key}': correct the key")
    value = block[path[-1]]
    named = [
        own if other == value else _variant(registry, where, own, [stage, *path], other, title) for other in values
    ]
    return value if value in values else None, named


def _variant(registry: Registry, where: str, own: str, path: list[str], value: float | str, title: str) -> str:
    method, name = registry.methods[own], "_".join([own, *path[1:], re.sub(r"\W", "_", str(value))])
    change: Any = value
    for step in reversed(path):
        change = {step: change}
    varied = merge(method, change)
    varied["label"] = f"{method['label']}, {title} = {value}"
    # What the method sets for a data set must not win over the value.
    for dataset in dict.fromkeys(override["dataset"] for override in method["overrides"]):
        varied["overrides"].append({"dataset": dataset, **change})
    known = registry.methods.get(name, varied)
    if known | {"label": ""} != varied | {"label": ""}:
        raise InputError(f"{where}: needs the name '{name}' for {title} = {value}: rename the method of that name")
    methods.define(registry, name, varied, where)
    return name
