"""What is to be run: the tables and figures asked for, and the runs that they show."""

import functools
from dataclasses import dataclass, field
from typing import Any

from longtail import results
from longtail.config.registry import Registry


@dataclass(frozen=True, order=True)
class Setting:
    """What a method is run on: a data set at an imbalance, with a backbone."""

    dataset: str
    imbalance: str
    backbone: str

    @property
    def folder(self) -> str:
        """Path below `results/runs`."""
        return results.SETTING.format(**vars(self))


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
        return results.stage1_run(**vars(self.setting), stage1=self.stage1, seed=self.seed)

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
        """What it draws: one of the kinds of `load.SCHEMAS`."""
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
