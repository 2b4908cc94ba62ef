"""What can be asked for, as lists of files, and which names the rules' wildcards may take."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from longtail.config.plan import CLASSIFIER, NETWORK, Plan
from longtail.graph.inputs import Inputs, runs_of
from longtail.graph.layouts import Layouts
from longtail.results import FIGURE_FORMATS, FIGURES, RUNS, TABLE_FORMATS, TABLES


@dataclass(frozen=True)
class Drawing:
    """What one job draws, in a folder of its `kind` (comparisons in none).

    `trainings` are files of the trainings that it shows.
    """

    kind: str
    names: list[str]
    trainings: list[str] = field(default_factory=list)

    @property
    def files(self) -> list[str]:
        """Every drawing in every form."""
        folder = FIGURES if self.kind == "comparison" else f"{FIGURES}/{self.kind}"
        return [f"{folder}/{name}.{form}" for name in self.names for form in FIGURE_FORMATS]


class Targets:
    """Target files of one plan."""

    def __init__(self, plan: Plan, inputs: Inputs, layouts: Layouts) -> None:
        self.plan = plan
        self.inputs = inputs
        self.layouts = layouts

    def datasets(self) -> list[str]:
        """Every subset, and its class counts drawn."""
        names = sorted({setting.dataset for setting in self.plan.settings})
        drawn = [f"{FIGURES}/class_counts/{name}.svg" for name in names]
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

    def figures(self) -> list[str]:
        """Every figure in every form."""
        return [path for drawing in self.drawings() for path in drawing.files]

    def drawings(self) -> list[Drawing]:
        """Every job that draws."""
        found = [Drawing("class_counts", [name]) for name in sorted({s.dataset for s in self.plan.settings})]
        found += [Drawing("training_curves", [s.folder], self.inputs.histories(s)) for s in self.plan.settings]
        found += [Drawing("smoothing", [s.folder]) for s in self.plan.settings if self.layouts.smoothing_losses(s)]
        for run in self.plan.runs:
            name = f"{run.setting.folder}/{run.method}_seed{run.seed}"
            found.append(Drawing("reliability", [name], self.inputs.provenance([run])))
        for name, figure in self.plan.figures.items():
            if not (runs := runs_of(figure.cells)):
                continue
            if figure.kind == "reliability":
                found.append(
                    Drawing("comparison", [f"{name}_panels", f"{name}_overlay"], self.inputs.provenance(runs))
                )
            else:
                shown = figure.cells[0].runs[:1] if figure.kind in ("similarity", "projection") else runs
                found.append(Drawing(figure.kind, [name], self.inputs.provenance(shown)))
        return found


class Patterns:
    """Regular expressions of the names that wildcards may take, so that rules of like outputs do not compete."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.registry = plan.registry

    @property
    def imported(self) -> str:
        """Runs whose Stage 1 is taken from elsewhere."""
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


def _pattern(names: Iterable[str]) -> str:
    return "|".join(names) or "(?!)"
