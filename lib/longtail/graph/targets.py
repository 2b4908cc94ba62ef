"""The targets of Snakemake, as lists of files, and the names that the rules' wildcards may take."""

import re
from collections.abc import Iterable, Mapping

from longtail.config.plan import CLASSIFIER, NETWORK, Claims, Plan, Statistics, Table
from longtail.graph.figures import Drawing, Kind
from longtail.graph.inputs import Inputs
from longtail.graph.subjects import DATASET
from longtail.results import RANKING_FORMATS, RANKINGS, RUNS, TABLE_FORMATS, TABLES


class Targets:
    """Target files of one plan."""

    def __init__(self, plan: Plan, inputs: Inputs, kinds: Mapping[str, Kind]) -> None:
        self.plan = plan
        self.inputs = inputs
        self.kinds = kinds

    def datasets(self) -> list[str]:
        """Every subset, and the figures of data sets."""
        names = sorted({setting.dataset for setting in self.plan.settings})
        drawn = [path for drawing in self.drawings() if drawing.kind.shows == DATASET for path in drawing.outputs]
        return [path for name in names for path in self.inputs.subsets(name)] + drawn

    def stage1(self) -> list[str]:
        """Every Stage-1 network."""
        return self._trained(NETWORK)

    def stage2(self) -> list[str]:
        """Every Stage-2 classifier."""
        return self._trained(CLASSIFIER)

    def _trained(self, block: str) -> list[str]:
        return sorted(
            f"{RUNS}/{training.folder}/last.pt" for training in self.plan.trainings if training.block == block
        )

    def tables(self) -> list[str]:
        """Every table in every form."""
        names = [*self.plan.tables, *self.plan.statistics, *self.plan.claims]
        return [f"{TABLES}/{name}.{form}" for name in names for form in TABLE_FORMATS]

    def rankings(self) -> list[str]:
        """Every page that ranks methods, in every form."""
        return [f"{RANKINGS}/{name}.{form}" for name in self.plan.rankings for form in RANKING_FORMATS]

    def titles(self) -> dict[str, str]:
        """The title of every table, page and figure, by the path of the form that the report shows."""
        tables: list[Table | Statistics | Claims] = [
            *self.plan.tables.values(),
            *self.plan.statistics.values(),
            *self.plan.claims.values(),
        ]
        titles = {f"{TABLES}/{table.name}.html": str(table.definition["title"]) for table in tables}
        pages = self.plan.rankings.values()
        titles |= {f"{RANKINGS}/{page.name}.html": str(page.definition["title"]) for page in pages}
        for kind in self.kinds.values():
            titles |= kind.titles()
        return titles

    def figures(self) -> list[str]:
        """Every figure in every form."""
        return [path for drawing in self.drawings() for path in drawing.outputs]

    def drawings(self) -> list[Drawing]:
        """Every job that draws, without those that are run only on request."""
        kinds = [kind for kind in self.kinds.values() if not kind.on_request]
        return [drawing for kind in kinds for drawing in kind.drawings()]


class Patterns:
    """Regular expressions for wildcards, so that exactly one rule matches each output."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.registry = plan.registry

    @property
    def imported(self) -> str:
        """Runs whose Stage 1 is imported."""
        return _pattern(map(re.escape, self.registry.config["stage1"]))

    @property
    def post_hoc_methods(self) -> str:
        """Methods that change a finished classifier."""
        return _pattern(name for name, method in self.registry.methods.items() if "post_hoc" in method)

    @property
    def method_tables(self) -> str:
        """Tables of methods."""
        return _pattern(self.plan.tables)

    @property
    def statistics_tables(self) -> str:
        """Tables of data sets."""
        return _pattern(self.plan.statistics)

    @property
    def claims_tables(self) -> str:
        """Tables of claims."""
        return _pattern(self.plan.claims)

    @property
    def rankings(self) -> str:
        """Pages that rank methods."""
        return _pattern(map(re.escape, self.plan.rankings))


def _pattern(names: Iterable[str]) -> str:
    return "|".join(names) or "(?!)"
