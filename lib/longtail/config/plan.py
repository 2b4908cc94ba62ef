"""Which runs the tables and figures asked for need: they alone want anything, the graph follows from them."""

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from longtail.config import archives, settings, text_files, variants
from longtail.config import imbalance as factors
from longtail.config import registry as definitions
from longtail.config.registry import Registry
from longtail.evaluate.columns import COLUMNS
from longtail.runtime import image_tree, parts
from longtail.runtime.errors import InputError
from longtail.runtime.provenance import shown

STANDARD = {"name": "standard"}
LEAVE_OUT = "leave_out"


@dataclass(frozen=True, order=True)
class Setting:
    """What a method is run on: a data set at an imbalance, with a backbone."""

    dataset: str
    imbalance: str
    backbone: str

    @property
    def folder(self) -> str:
        """Path below `results/runs`."""
        return f"{self.dataset}/{self.imbalance}/{self.backbone}"


@dataclass(frozen=True, order=True)
class Run:
    """One method: its Stage 1 (shared by name), the method itself and the seed; `post_hoc` ones are not trained."""

    setting: Setting
    stage1: str
    method: str
    seed: int
    post_hoc: bool = False

    @property
    def folder(self) -> str:
        """Path below `results/runs` of the Stage-1 run this one stands on."""
        return f"{self.setting.folder}/{self.stage1}/seed{self.seed}"

    @property
    def metrics(self) -> str:
        """Path below `results/runs` of the run's scores."""
        return f"{self.folder}/{self.method}/metrics.json"

    @property
    def two_stage(self) -> bool:
        """Whether the method trains a classifier on top of its Stage 1."""
        return self.stage1 != self.method and not self.post_hoc


@dataclass(frozen=True)
class Cell:
    """A method in a setting: its runs over seeds, or what it needs before it can run.

    `left_out` are runs whose Stage 1 nobody has trained, where the configuration says to leave those out.
    """

    method: str
    label: str
    setting: Setting
    runs: list[Run]
    left_out: list[Run]
    needs: str | None
    printed: dict[str, float | None]


@dataclass(frozen=True)
class Table:
    """A table of a paper, or a person's own: columns and rows of cells."""

    name: str
    definition: dict[str, Any]
    rows: list[list[Cell]]

    @property
    def cells(self) -> list[Cell]:
        """All cells, row by row."""
        return [cell for row in self.rows for cell in row]


@dataclass(frozen=True)
class Figure:
    """A figure of methods: a cell for each panel or point that shows one."""

    name: str
    definition: dict[str, Any]
    cells: list[Cell]

    @property
    def kind(self) -> str:
        """What it draws: one of the kinds of `registry.SCHEMAS`."""
        kind: str = self.definition["kind"]
        return kind


@dataclass(frozen=True)
class Described:
    """A row of statistics: a data set at some imbalances, or what it needs."""

    definition: dict[str, Any]
    dataset: str
    imbalances: list[str]
    needs: str | None


@dataclass(frozen=True)
class Statistics:
    """A table of data sets."""

    name: str
    definition: dict[str, Any]
    rows: list[Described]


@dataclass(frozen=True)
class Claims:
    """A table of claims: a cell for each method that they are about."""

    name: str
    definition: dict[str, Any]
    cells: list[Cell]


@dataclass
class Plan:
    """Everything asked for, and the registry it is asked of; what follows from it is found once, when it is whole."""

    registry: Registry
    tables: dict[str, Table] = field(default_factory=dict)
    statistics: dict[str, Statistics] = field(default_factory=dict)
    claims: dict[str, Claims] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)

    @functools.cached_property
    def runs(self) -> list[Run]:
        """Every run that some table or figure shows, once, in path order."""
        return sorted({run for cell in self._cells for run in cell.runs})

    @functools.cached_property
    def asked(self) -> list[Run]:
        """The same with the runs that are left out for want of a Stage 1."""
        return sorted({run for cell in self._cells for run in (*cell.runs, *cell.left_out)})

    @property
    def _cells(self) -> list[Cell]:
        shown: list[Table | Claims | Figure] = [*self.tables.values(), *self.claims.values(), *self.figures.values()]
        return [cell for item in shown for cell in item.cells]

    @functools.cached_property
    def settings(self) -> list[Setting]:
        """Every setting in which something runs."""
        return sorted({run.setting for run in self.runs})

    @functools.cached_property
    def datasets(self) -> list[str]:
        """Every data set that something runs on or that is described."""
        described = {row.dataset for table in self.statistics.values() for row in table.rows if not row.needs}
        return sorted({setting.dataset for setting in self.settings} | described)


def build(config: dict[str, Any], files: list[Path], arguments: Mapping[str, Any] = definitions.NONE) -> Plan:
    """Validate a config with all it refers to, and lay out its tables and figures.

    It was read from `files` and the `arguments` of `--config`.
    Raises InputError for the first mistake, before anything runs.
    """
    plan = Plan(definitions.load(config, files, arguments))
    with definitions.blaming(files, arguments):
        tables: dict[str, Table | Statistics | Claims] = {}
        for name in plan.registry.config["tables"]:
            _add(tables, _table(plan.registry, definitions.locate("table", name)), "tables")
        plan.tables = {name: table for name, table in tables.items() if isinstance(table, Table)}
        plan.statistics = {name: table for name, table in tables.items() if isinstance(table, Statistics)}
        plan.claims = {name: table for name, table in tables.items() if isinstance(table, Claims)}
        for name in plan.registry.config["figures"]:
            _add(plan.figures, _figure(plan.registry, definitions.locate("figure", name)), "figures")
        for dataset in plan.datasets:
            _check_data_dir(plan.registry, dataset)
    return plan


def _add(named: dict[str, Any], item: Table | Statistics | Claims | Figure, key: str) -> None:
    where = f"{definitions.THE_CONFIG}, key '{key}'"
    if not re.fullmatch(r"[\w-]+", item.name):
        raise InputError(f"{where}: rename the file of '{item.name}': letters, digits, _ and - make a name")
    if item.name in named:
        raise InputError(f"{where}: two of them are called '{item.name}': rename the file of one")
    named[item.name] = item


def _check_data_dir(registry: Registry, name: str) -> None:
    definition = registry.datasets[name]
    folder, where = definition["data_dir"], definitions.place("dataset", name, registry.config["datasets"])
    if folder is None and definition["kind"] == "folder":
        raise InputError(f"{where} lacks the key 'data_dir': name the folder that holds train/ and test/")
    if definition["kind"] == "image_list":
        needed = definitions.of_source(definition, "READS", ())
        for key in needed:
            if definition[key] is None:
                raise InputError(f"{where} lacks the key '{key}': a data set of lists needs {', '.join(needed)}")
    if folder is not None and not os.path.isdir(folder):
        raise InputError(f"{where}, key 'data_dir': there is no folder {folder}: create it or correct the path")
    for key in ("train_list", "test_list", "pretrained"):
        if definition[key] is not None and not os.path.isfile(definition[key]):
            raise InputError(f"{where}, key '{key}': there is no file {definition[key]}: correct the path")
    archives.check(definition, where)
    text_files.check(definition, where)
    if definition["kind"] == "folder":
        image_tree.listing(Path(folder))


def _table(registry: Registry, path: Path) -> Table | Statistics | Claims:
    where, definition = shown(path), definitions.definition("table", path)
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
            cells.append(_cell(registry, where, row, column, numbers, seeds))
        rows.append(cells)
    return Table(path.stem, definition, rows)


def _figure(registry: Registry, path: Path) -> Figure:
    where, definition = shown(path), definitions.definition("figure", path)
    registry.dataset(definition["dataset"], where)
    if "bins" in definition:
        _check_bins(registry, where, definition["bins"])
    if definition["kind"] == "sensitivity":
        variants.define(registry, where, definition, factors.slug(definition["factor"], where))
    if definition["kind"] == "similarity" and isinstance(
        registry.method(definition["method"], where).get("stage1"), str
    ):
        raise InputError(
            f"{where}, key 'method': '{definition['method']}' has no network of its own: name its stage1"
        )
    if definition["kind"] == "projection":
        _check_projected(registry, where, definition["method"])
    seeds = registry.config["seeds"]["runs"]
    cells = [
        _cell(registry, where, shown, {**definition, **shown}, shown.get("printed", {}), seeds)
        for shown in _shown(definition)
    ]
    lacking = next((cell for cell in cells if not cell.runs), None)
    if definition["kind"] == "sensitivity" and lacking and any(cell.runs for cell in cells):
        needs = lacking.needs or "a Stage 1, which missing_networks leaves out"
        raise InputError(f"{where}: '{lacking.method}' cannot run yet: it needs {needs}; name another method")
    return Figure(path.stem, definition, _paired(cells) if definition["kind"] == "probabilities" else cells)


def _shown(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """Each method that a figure shows, with what its panel or point says besides."""
    if definition["kind"] == "reliability":
        panels: list[dict[str, Any]] = definition["panels"]
        return panels
    if definition["kind"] == "sensitivity":
        points = [value for panel in definition["panels"] for value in panel["methods"]]
        return [{"method": method} for method in (definition["baseline"], *points)]
    if definition["kind"] == "probabilities":
        return [{"method": panel[side]} for panel in definition["panels"] for side in ("left", "right")]
    return [{"method": definition["method"]}]


def _paired(cells: list[Cell]) -> list[Cell]:
    """Cells two by two, of which neither runs where one does not: a panel compares both."""
    found: list[Cell] = []
    for pair in zip(cells[::2], cells[1::2], strict=True):
        lacking = next((cell for cell in pair if not cell.runs), None)
        if lacking is None:
            found += pair
            continue
        for cell in pair:
            asked = [] if lacking.needs else [*cell.runs, *cell.left_out]
            found.append(replace(cell, runs=[], left_out=asked, needs=lacking.needs))
    return found


def _check_bins(registry: Registry, where: str, bins: int) -> None:
    evaluation = registry.config["evaluation"]
    counted = [evaluation["bins"], *evaluation["also"]]
    if bins not in counted:
        raise InputError(
            f"{where}, key 'bins': test images are counted in {' or '.join(map(str, counted))} bins, not in {bins}: "
            f"add {bins} to evaluation.also"
        )


def _check_projected(registry: Registry, where: str, name: str) -> None:
    block = registry.method(name, where).get("stage2")
    if block is None or definitions.changed(block):
        raise InputError(
            f"{where}, key 'method': '{name}' does not learn on cached features, which a projection shows: name a "
            "method whose stage2 has augment: false, mixing: null and batch_norm: frozen"
        )


def _statistics(registry: Registry, where: str, name: str, definition: dict[str, Any]) -> Statistics:
    rows = []
    for row in definition["rows"]:
        dataset = registry.dataset(row["dataset"], where)
        imbalances = [factors.slug(factor, where) for factor in row["factors"]]
        needs = "; ".join(_data_needs(row["dataset"], dataset))
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
    cells = [_cell(registry, where, {"method": method}, definition, {}, seeds) for method in named]
    return Claims(name, definition, cells)


def _cell(
    registry: Registry,
    where: str,
    shown: dict[str, Any],
    column: dict[str, Any],
    printed: dict[str, float | None],
    seeds: list[int],
) -> Cell:
    name = shown["method"]
    method = registry.method(name, where)
    dataset = registry.dataset(column["dataset"], where)
    setting = Setting(column["dataset"], factors.slug(column["factor"], where), column["backbone"])
    needs = "; ".join(_needs(registry, dataset, method, name, setting) or _needs_here(registry, where, name, setting))
    runs, left_out = [], []
    if not needs:
        stage1 = stage1_of(method, name)
        runs = [Run(setting, stage1, name, seed, "post_hoc" in method) for seed in seeds]
    if registry.config["missing_networks"] == LEAVE_OUT:
        left_out = [run for run in runs if run.folder not in registry.config["stage1"]]
        runs = [run for run in runs if run not in left_out]
    return Cell(name, shown.get("label") or method["label"], setting, runs, left_out, needs or None, printed)


def _needs(
    registry: Registry, dataset: dict[str, Any], method: dict[str, Any], name: str, setting: Setting
) -> list[str]:
    """What is missing before a method can run in a setting."""
    needs, backbone, planned = _data_needs(setting.dataset, dataset), setting.backbone, "needs" in method
    if not planned:
        stage1 = settings.overridden(registry, setting.dataset, setting.imbalance, stage1_of(method, name), "stage1")
        forms = stage1["backbones"]
        if forms and backbone not in forms:
            return [*needs, f"a form of {backbone} in stage1.backbones (there is one of {', '.join(forms)})"]
        backbone = forms.get(backbone, backbone)
    known = backbone in parts.names("models")
    if (
        known
        and not needs
        and (lacking := _form_needs(dataset, backbone, {} if planned else stage1, method.get("stage2", {})))
    ):
        needs.append(lacking)
    for key in parts.settings("models", backbone) if known else ():
        if dataset[key] is None:
            needs.append(f"the weights that {backbone} starts from: set {key} of data set {setting.dataset}")
    if planned:
        needs.append(method["needs"])
    return needs if known or needs else [f"backbone {backbone}"]


def runs_on_form(registry: Registry, dataset: str, backbone: str, name: str) -> bool:
    """Whether a method that can run does so on what a data set and a backbone are made for."""
    method = registry.methods[name]
    stage1 = settings.overridden(registry, dataset, factors.NATURAL, stage1_of(method, name), "stage1")
    forms, definition = stage1["backbones"], registry.datasets[dataset]
    if forms and backbone not in forms:
        return False
    return _form_needs(definition, forms.get(backbone, backbone), stage1, method.get("stage2", {})) is None


def _form_needs(dataset: dict[str, Any], backbone: str, stage1: dict[str, Any], stage2: dict[str, Any]) -> str | None:
    """What is missing where a data set, a backbone and stages are not all for images, or all for titles."""
    form = definitions.form(dataset)
    if (wanted := definitions.made_for(backbone)) != form:
        return f"a backbone for {form} ({backbone} is for {wanted})"
    if form == definitions.IMAGES:
        return None
    for key in ("mixing", "randaugment"):
        if stage1.get(key) is not None or stage2.get(key) is not None:
            return f"a form of {key} for {form}"
    if stage2.get("batch_norm") == "shifted":
        return f"a Stage 2 with batch_norm: frozen, since backbones for {form} have none to shift"
    algorithm = stage1.get("algorithm", STANDARD)
    return None if algorithm == STANDARD else f"a form of algorithm {algorithm['name']} for {form}"


def stage1_of(method: dict[str, Any], name: str) -> str:
    """The name of the Stage 1 that a method stands on: another's, or its own."""
    return method["stage1"] if isinstance(method["stage1"], str) else name


def _needs_here(registry: Registry, where: str, name: str, setting: Setting) -> list[str]:
    """What a method needs by what it sets for a data set and factor, and by how jobs compute.

    Raises InputError where its settings make no Stage 1 or Stage 2.
    """
    method = registry.methods[name]
    at = f"{where}: method '{name}' on {setting.dataset}"
    base, compute = stage1_of(method, name), registry.config["compute"]
    stage1 = settings.stage1(registry, setting.dataset, setting.imbalance, setting.backbone, base, seed=0)
    definitions.check_recipe(stage1, stage1["recipe"], at)
    definitions.check_deferral(registry, stage1, at)
    if base != name:
        definitions.check_head(stage1, base, at)
    if "early_stopping" in stage1["recipe"] and not text_files.has_validation(registry.datasets[setting.dataset]):
        return [f"a recipe without early_stopping in place of {stage1['recipe']['name']}, or a validation split"]
    if stage1["recipe"].get("optimizer") == "adam" and compute["processes"] > 1:
        return ["compute.processes at 1, as Adam's averages are not shared among processes"]
    if compute["processes"] > 1 or compute["micro_batches"] > 1:
        if parts.literal("models", stage1["backbone"], "DRAWS", False):
            return [
                f"compute.processes and compute.micro_batches at 1, as backbone '{stage1['backbone']}' draws its "
                "dropout for whole batches"
            ]
        for key, package, part in definitions.named_parts(stage1):
            if parts.literal(package, part["name"], "WHOLE_BATCHES", False):
                return [
                    f"compute.processes and compute.micro_batches at 1, as {key} '{part['name']}' wants whole batches"
                ]
    if "stage2" in method:
        block = settings.stage2(registry, setting.dataset, setting.imbalance, setting.backbone, name, seed=0)
        definitions.check_stage2(block, at)
        if "early_stopping" in block["recipe"]:
            return [f"a recipe of Stage 2 without early_stopping in place of {block['recipe']['name']}"]
    if "post_hoc" in method and setting.imbalance == factors.NATURAL:
        block = settings.overridden(registry, setting.dataset, setting.imbalance, name, "post_hoc")
        if block.get("tau", 0) is None:
            return ["a number as post_hoc.tau, since a set that is used as it is leaves no image to choose it on"]
    return []


def _data_needs(name: str, dataset: dict[str, Any]) -> list[str]:
    """What is missing before a data set can be read."""
    needs = [dataset["needs"]] if "needs" in dataset else []
    wanted = definitions.of_source(dataset, "READS", ())
    if dataset.get("kind") == "image_list" and not any(dataset[key] for key in wanted):
        needs.append(f"your copy of {dataset['title']}: set data_dir, train_list and test_list of data set {name}")
    return needs
