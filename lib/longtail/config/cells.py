"""Makes the cells of tables and figures: the runs of a method in a setting, or what it needs before it can run."""

from typing import Any

from longtail import imbalance as factors
from longtail.config import chain, methods, needs
from longtail.config.plan import Cell, Setting
from longtail.config.registry import Registry

LEAVE_OUT = "leave_out"


def cell(
    registry: Registry,
    where: str,
    shown: dict[str, Any],
    column: dict[str, Any],
    printed: dict[str, float | None],
    seeds: list[int],
) -> Cell:
    """The cell of a method in the data set, factor and backbone of a `column`.

    `shown` is the row, panel or point of the definition that names the method.
    """
    name = shown["method"]
    method = registry.method(name, where)
    registry.dataset(column["dataset"], where)
    setting = Setting(column["dataset"], factors.slug(column["factor"], where), column["backbone"])
    methods.check_classifies(registry, name, where)
    missing = "; ".join(needs.before(registry, where, name, setting))
    runs, left_out = [], []
    if not missing:
        runs = [chain.run(registry, setting, name, seed) for seed in seeds]
    if registry.config["missing_networks"] == LEAVE_OUT:
        left_out = [run for run in runs if run.folder not in registry.config["stage1"]]
        runs = [run for run in runs if run not in left_out]
    return Cell(name, shown.get("label") or method["label"], setting, runs, left_out, missing or None, printed)
