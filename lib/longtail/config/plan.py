"""The plan: the requested tables and figures, and the runs that they show."""

import functools
from dataclasses import dataclass, field
from typing import Any

from longtail import results
from longtail.config.registry import Registry

# The blocks of a method that define how a network and how a classifier on it is trained.
NETWORK, CLASSIFIER = "stage1", "stage2"
# The role of the network that a classifier is trained on.
BENEATH = "network"


@dataclass(frozen=True, order=True)
class Setting:
    """A data set at an imbalance, with a backbone: what a method runs on."""

    dataset: str
    imbalance: str
    backbone: str

    @property
    def folder(self) -> str:
        """Path below `results/runs`."""
        return results.SETTING.format(**vars(self))


@dataclass(frozen=True)
class Training:
    """One job that learns: the network of a one-stage method, or a classifier on a finished network.

    `block` is the part of the method's definition that describes it, stage1 or stage2. `networks` are the finished
    networks that it reads, with their roles; they have the same setting and seed.
    """

    setting: Setting
    method: str
    seed: int
    block: str
    networks: tuple[tuple[str, "Training"], ...] = ()

    @property
    def run(self) -> str:
        """Path below `results/runs` of the network with everything that is made from it."""
        network = self.method if self.block == NETWORK else dict(self.networks)[BENEATH].method
        return results.stage1_run(**vars(self.setting), stage1=network, seed=self.seed)

    @property
    def folder(self) -> str:
        """Path below `results/runs` of its own files."""
        return f"{self.run}/{'stage1' if self.block == NETWORK else self.method}"

    @property
    def chain(self) -> list["Training"]:
        """All trainings that it requires, and itself last: each once, after those that it reads."""
        required = [training for _, network in self.networks for training in network.chain]
        return list(dict.fromkeys([*required, self]))


@dataclass(frozen=True)
class Run:
    """A method in a setting with a seed: the network that it uses, and its own classifier if it trains one."""

    network: Training
    method: str
    classifier: Training | None = None

    def __lt__(self, other: "Run") -> bool:
        return self._sort_key < other._sort_key

    @property
    def _sort_key(self) -> tuple[Setting, str, str, int]:
        return self.setting, self.stage1, self.method, self.seed

    @property
    def setting(self) -> Setting:
        """What it runs on."""
        return self.network.setting

    @property
    def seed(self) -> int:
        """The seed of all its trainings."""
        return self.network.seed

    @property
    def stage1(self) -> str:
        """The method of its network."""
        return self.network.method

    @property
    def folder(self) -> str:
        """Path below `results/runs` of the Stage-1 run whose network this one uses."""
        return self.network.run

    @property
    def metrics(self) -> str:
        """Path below `results/runs` of the run's scores."""
        return f"{self.folder}/{self.method}/metrics.json"

    @property
    def post_hoc(self) -> bool:
        """Whether the method changes a finished classifier without training."""
        return self.classifier is None and self.method != self.stage1

    @property
    def trainings(self) -> list[Training]:
        """All trainings that it requires, each after those that it reads."""
        return (self.classifier or self.network).chain


@dataclass(frozen=True)
class Cell:
    """A method in a setting: its runs over seeds, or what it needs before it can run.

    `left_out` are runs without a Stage 1 to import, if the configuration leaves such runs out (`missing_networks`).
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
    """A table of a paper or of a user: columns and rows of cells."""

    name: str
    definition: dict[str, Any]
    rows: list[list[Cell]]

    @property
    def cells(self) -> list[Cell]:
        """All cells, row by row."""
        return [cell for row in self.rows for cell in row]


@dataclass(frozen=True)
class Figure:
    """A figure of methods: a cell for each of them, in the order of its kind's `methods`."""

    name: str
    definition: dict[str, Any]
    cells: list[Cell]

    @property
    def kind(self) -> str:
        """One of `load.figure_kinds`."""
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
    """A table of claims: a cell for each method that they compare."""

    name: str
    definition: dict[str, Any]
    cells: list[Cell]


@dataclass(frozen=True)
class Ranking:
    """A page that ranks the methods in a column of a table: the table's definition, and a cell for each method."""

    name: str
    definition: dict[str, Any]
    cells: list[Cell]


@dataclass
class Plan:
    """All requested tables and figures, and the registry with their definitions.

    The properties are computed once, so use them only when the plan is complete.
    """

    registry: Registry
    tables: dict[str, Table] = field(default_factory=dict)
    statistics: dict[str, Statistics] = field(default_factory=dict)
    claims: dict[str, Claims] = field(default_factory=dict)
    rankings: dict[str, Ranking] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)

    @functools.cached_property
    def runs(self) -> list[Run]:
        """Every run that a table or figure shows, once, in path order."""
        return sorted({run for cell in self._cells for run in cell.runs})

    @functools.cached_property
    def requested(self) -> list[Run]:
        """The same, and the runs that are left out because their Stage 1 is missing."""
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
    def weights(self) -> list[str]:
        """Every backbone that starts from trained weights and that a run uses."""
        return sorted({setting.backbone for setting in self.settings} & self.registry.config["backbones"].keys())

    @functools.cached_property
    def trainings(self) -> list[Training]:
        """Every training that a run requires, once, each after those that it reads."""
        return list(dict.fromkeys(training for run in self.runs for training in run.trainings))

    @functools.cached_property
    def datasets(self) -> list[str]:
        """Every data set that a run uses or a table of data sets describes."""
        described = {row.dataset for table in self.statistics.values() for row in table.rows if not row.needs}
        return sorted({setting.dataset for setting in self.settings} | described)
