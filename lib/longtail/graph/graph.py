"""The graph of one plan: everything that Snakemake's rules need to know about their jobs, sorted by topic."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtail.config import backbones, build, settings
from longtail.config.blame import NONE, blaming
from longtail.config.plan import Plan
from longtail.graph import figures, imports
from longtail.graph.entries import Entries
from longtail.graph.inputs import Inputs
from longtail.graph.layouts import Layouts
from longtail.graph.parameters import Parameters
from longtail.graph.resources import Resources
from longtail.graph.subjects import Subjects
from longtail.graph.targets import Patterns, Targets
from longtail.results import RESULTS, RUNS
from longtail.runtime.errors import InputError


class Graph:
    """Inputs, parameters, layouts, resources and targets of the jobs of one plan.

    `figures` holds the kinds of figures by name, `entries` the labels of all tables and figures in the report.
    """

    def __init__(self, plan: Plan, files: Sequence[Path] = (), arguments: Mapping[str, Any] = NONE) -> None:
        self.plan = plan
        self.files = list(files)
        self.arguments = arguments
        self.registry = plan.registry
        self.imports = plan.registry.config["stage1"]
        self.inputs = Inputs(plan)
        self.parameters = Parameters(plan, self.files)
        self.layouts = Layouts(plan, self.inputs)
        self.resources = Resources(plan.registry)
        self.figures = figures.kinds(Subjects(plan, self.inputs, self.layouts))
        self.targets = Targets(plan, self.inputs, self.figures)
        self.patterns = Patterns(plan)
        self.entries = Entries(self.targets.titles)

    @classmethod
    def of(
        cls,
        config: dict[str, Any],
        files: Sequence[Path | str],
        arguments: Mapping[str, Any] = NONE,
        sees_data: bool = True,
    ) -> "Graph":
        """The graph of a config that was read from `files` and the `arguments` of `--config`.

        A job on another machine may not see the data sets and the imported networks, which were checked before.
        Raises InputError for the first mistake in it.
        """
        if Path(RESULTS).exists() and not Path(RESULTS).is_dir():
            raise InputError(f"{RESULTS} is a file: move it away, the results go into a folder of that name")
        paths = [Path(file) for file in files]
        plan = build.build(config, paths, arguments, sees_data)
        if sees_data:
            with blaming(paths, arguments):
                imports.check(plan, Path(RUNS))
        return cls(plan, paths, arguments)

    def places(self) -> dict[str, dict[str, Any]]:
        """The paths of each data set on this machine.

        They are no parameter of a job: moving a data set must not repeat the jobs that use it.
        """
        datasets = self.registry.datasets
        return {name: settings.place(self.registry, name) for name in datasets if "kind" in datasets[name]}

    def weights(self) -> dict[str, str]:
        """The path on this machine of the weights that each backbone starts from; like places, no parameter."""
        entries = self.registry.config["backbones"]
        return {name: backbones.place(entries[name]) for name in self.plan.weights}
