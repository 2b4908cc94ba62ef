"""Methods that differ from another in one setting, for figures over the values of settings."""

import re
from typing import Any

from longtail.config import methods, settings
from longtail.config.registry import STAGES, Registry, merge
from longtail.runtime.errors import InputError


def define(registry: Registry, where: str, definition: dict[str, Any], imbalance: str) -> None:
    """Give each panel of a sensitivity figure the `methods` that have its values, and its `default`.

    The value that the method has in the figure's setting is the method itself; any other becomes a method of its
    own, `ladc_generator_alpha_0_05`. The default is None where it is not among the values.
    Raises InputError for a setting that the method lacks, a value it may not have, and a name that is taken.
    """
    own, dataset = definition["method"], definition["dataset"]
    method = registry.method(own, where)
    for panel in definition["panels"]:
        stage, *path = panel["key"].split(".")
        block: Any = None
        if stage in (*STAGES, "post_hoc") and isinstance(method.get(stage), dict):
            block = settings.overridden(registry, dataset, imbalance, own, stage)
        for step in path[:-1]:
            block = block.get(step) if isinstance(block, dict) else None
        if not path or not isinstance(block, dict) or isinstance(block.get(path[-1], {}), dict):
            raise InputError(f"{where}: method '{own}' has no setting '{panel['key']}': correct the key")
        value = block[path[-1]]
        panel["default"] = value if value in panel["values"] else None
        panel["methods"] = [
            own if other == value else _variant(registry, where, own, [stage, *path], other, panel["title"])
            for other in panel["values"]
        ]


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
