"""Makes the plan: the requested tables and figures, and the runs that they need. Nothing else requests runs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longtail import imbalance as factors
from longtail.config import backbones, datasets, figures, load, own, rankings
from longtail.config.blame import NONE, THE_CONFIG, blaming
from longtail.config.cells import cell
from longtail.config.plan import Cell, Claims, Described, Figure, Plan, Ranking, Statistics, Table
from longtail.config.registry import CONFIG, Registry
from longtail.evaluate.columns import COLUMNS
from longtail.runtime.errors import InputError
from longtail.runtime.provenance import shown


def build(
    config: dict[str, Any], files: list[Path], arguments: Mapping[str, Any] = NONE, sees_data: bool = True
) -> Plan:
    """Validate a config and all definitions that it refers to, and plan its tables and figures.

    `files` and the `arguments` of `--config` are what the config was read from; error messages name them. Files of
    data sets and weights are checked where this machine `sees_data`.
    Raises InputError for the first mistake, before anything runs.
    """
    plan = Plan(load.load(config, files, arguments))
    with blaming(files, arguments):
        tables: dict[str, Table | Statistics | Claims] = {}
        for name in plan.registry.config["tables"]:
            _add(tables, _table(plan.registry, load.locate("table", name)), "tables")
        plan.tables = {name: table for name, table in tables.items() if isinstance(table, Table)}
        plan.statistics = {name: table for name, table in tables.items() if isinstance(table, Statistics)}
        plan.claims = {name: table for name, table in tables.items() if isinstance(table, Claims)}
        for ranking in (ranking for table in plan.tables.values() for ranking in rankings.of(table)):
            _add(plan.rankings, ranking, "tables")
        for name in plan.registry.config["figures"]:
            _add(plan.figures, figures.figure(plan.registry, load.locate("figure", name)), "figures")
        if sees_data:
            for dataset in plan.datasets:
                datasets.check_place(plan.registry, dataset)
            for name in plan.weights:
                backbones.check_place(plan.registry, name)
    return plan


def _add(named: dict[str, Any], item: Table | Statistics | Claims | Figure | Ranking, key: str) -> None:
    where = f"{THE_CONFIG}, key '{key}'"
    if not isinstance(item, Ranking) and not re.fullmatch(r"[\w-]+", item.name):
        raise InputError(f"{where}: rename the file of '{item.name}': letters, digits, _ and - make a name")
    if item.name in named:
        raise InputError(f"{where}: two of them are called '{item.name}': rename the file of one")
    named[item.name] = item


def _table(registry: Registry, path: Path) -> Table | Statistics | Claims:
    where, definition = shown(path), load.definition("table", path)
    if definition["kind"] == "datasets":
        return _statistics(registry, where, path.stem, definition)
    if definition["kind"] == "claims":
        return _claims(registry, where, path.stem, definition)
    printable = [metric for metric in definition["metrics"] if COLUMNS[metric].printable]
    rows, seeds = [], definition.get("seeds", registry.config["seeds"]["runs"])
    for row in definition["rows"]:
        printed = row["printed"] or [None] * len(definition["columns"])
        if len(printed) != len(definition["columns"]):
            raise InputError(
                f"{where}: row '{row['method']}' has {len(printed)} printed cells for "
                f"{len(definition['columns'])} columns: write null where the paper prints nothing"
            )
        cells = []
        for column, values in zip(definition["columns"], printed, strict=True):
            if len(values or []) > len(printable):
                raise InputError(
                    f"{where}: row '{row['method']}' prints {values} in one cell for the metrics "
                    f"{printable}: at most one number each"
                )
            numbers = dict(zip(printable, values or [], strict=False))
            cells.append(cell(registry, where, row, column, numbers, seeds))
            if not values and path.parent != CONFIG / "tables":
                _refuse_empty(registry, cells[-1], where)
        rows.append(cells)
    return Table(path.stem, definition, rows)


def _refuse_empty(registry: Registry, cell: Cell, where: str) -> None:
    """Raises InputError for a cell without a printed number that cannot run on data of one's own that are there."""
    setting = cell.setting
    is_there = not datasets.needs(setting.dataset, registry.datasets[setting.dataset])
    if cell.needs and is_there and own.is_own(registry, setting.dataset):
        raise InputError(
            f"{where}, row '{cell.method}': cannot run on data set '{setting.dataset}' with {setting.backbone}, "
            f"which lacks {cell.needs}: remove the row, or name another method or backbone"
        )


def _statistics(registry: Registry, where: str, name: str, definition: dict[str, Any]) -> Statistics:
    rows = []
    for row in definition["rows"]:
        dataset = registry.dataset(row["dataset"], where)
        imbalances = [factors.slug(factor, where) for factor in row["factors"]]
        needs = "; ".join(datasets.needs(row["dataset"], dataset))
        rows.append(Described(row, row["dataset"], imbalances, needs or None))
    return Statistics(name, definition, rows)


def _claims(registry: Registry, where: str, name: str, definition: dict[str, Any]) -> Claims:
    for number, claim in enumerate(definition["claims"]):
        if claim["better"] in claim["than"]:
            raise InputError(
                f"{where}, key 'claims.{number}.than': '{claim['better']}' cannot be better than itself: remove it"
            )
    named = dict.fromkeys(method for claim in definition["claims"] for method in (claim["better"], *claim["than"]))
    seeds = registry.config["seeds"]["runs"]
    cells = [cell(registry, where, {"method": method}, definition, {}, seeds) for method in named]
    return Claims(name, definition, cells)
