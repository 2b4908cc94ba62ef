"""Variants of a method that differ in one setting, for figures that show the effect of its values."""

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
    """A method's own value of a setting on a data set at an imbalance, and the name of a method for each of `values`.

    The own value is None if it is not among `values`. The method with the own value is the method itself; each other
    value defines a new method, such as `ladc_generator_alpha_0_05`, whose label names the setting by `title`.
    Raises InputError if the method lacks the setting, a value is not allowed, or a name is taken.
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
    # The method's overrides for a data set must not replace the value.
    for dataset in dict.fromkeys(override["dataset"] for override in method["overrides"]):
        varied["overrides"].append({"dataset": dataset, **change})
    known = registry.methods.get(name, varied)
    if known | {"label": ""} != varied | {"label": ""}:
        raise InputError(f"{where}: needs the name '{name}' for {title} = {value}: rename the method of that name")
    methods.define(registry, name, varied, where)
    return name
