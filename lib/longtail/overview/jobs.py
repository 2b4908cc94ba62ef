"""Every job that Snakemake plans, and whether it is done, from the files that are there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from longtail.graph.costs import TrainingJob
from longtail.graph.graph import Graph
from longtail.overview import states
from longtail.overview.states import DONE, State
from longtail.results import DATA, RUNS, TABLE_FORMATS, TABLES


@dataclass(frozen=True)
class Job:
    """A job by its rule and the files that it makes.

    `stands_on` are files of the trainings whose results it shows, its own included where it is a `training`.
    """

    rule: str
    outputs: list[str]
    stands_on: list[str]
    training: TrainingJob | None = None

    @property
    def kind(self) -> tuple[str, ...]:
        """What jobs that take about as long have in common: the rule, and data set and backbone if there are any."""
        _, what, *words = Path(self.outputs[0]).parts
        if what == "data":
            return self.rule, words[0]
        if what != "runs":
            return (self.rule,)
        cached = ("cached features",) if self.training and self.training.work == 0 else ()
        return self.rule, words[0], words[2], *cached


def listed(graph: Graph, trainings: Iterable[TrainingJob]) -> list[Job]:
    """The jobs of the target `all`, of which `trainings` are those that train."""
    return [*_data(graph), *map(_of_training, trainings), *_of_runs(graph), *_of_tables(graph), *_of_figures(graph)]


def to_do(jobs: Iterable[Job], trainings: Mapping[str, State]) -> list[Job]:
    """Those that are not done; `trainings` are the states by folder.

    A job is done that has its files, unless it stands on a training that is still to do.
    """
    ahead = {f"{RUNS}/{folder}" for folder, state in trainings.items() if state.kind != DONE}
    return [
        job
        for job in jobs
        if any(str(Path(path).parent) in ahead for path in job.stands_on)
        or not all(Path(path).is_file() for path in job.outputs)
    ]


def _data(graph: Graph) -> list[Job]:
    found = []
    for dataset in graph.plan.datasets:
        found += [Job("download", [path], []) for path in graph.inputs.archive(SimpleNamespace(dataset=dataset))]
        found.append(Job("build_arrays", [f"{DATA}/{dataset}/arrays.npz"], []))
    subsets = {path for dataset in graph.plan.datasets for path in graph.inputs.subsets(dataset)}
    for table in graph.plan.statistics:
        subsets.update(graph.inputs.described_subsets(SimpleNamespace(statistics=table)))
    return found + [Job("build_long_tail", [path], []) for path in sorted(subsets)]


def _of_training(training: TrainingJob) -> Job:
    rule = "import_stage1" if training.imported else f"train_{training.block}"
    outputs = [f"{RUNS}/{training.folder}/{name}" for name in states.OUTPUTS]
    networks = [f"{RUNS}/{network}/last.pt" for network in training.networks]
    return Job(rule, outputs, outputs + networks, training)


def _of_runs(graph: Graph) -> list[Job]:
    runs = graph.plan.runs
    networks = sorted({f"{RUNS}/{run.folder}" for run in runs})
    found = [Job("extract_features", [f"{path}/features.npz"], [f"{path}/stage1/last.pt"]) for path in networks]
    for run in runs:
        if run.post_hoc:
            folder = f"{RUNS}/{run.folder}/{run.method}"
            made = [f"{folder}/{name}" for name in ("logits.npz", "choice.json")]
            found.append(Job("adjust_classifier", made, graph.inputs.provenance([run])))
        found.append(Job("evaluate", graph.inputs.metrics([run]), graph.inputs.provenance([run])))
    read = {path for drawing in graph.targets.drawings() for path in drawing.inputs}
    for path in sorted(path for path in read if path.endswith("/projection.npz")):
        found.append(Job("project_features", [path], [f"{Path(path).parents[1]}/stage1/last.pt"]))
    return found


def _of_tables(graph: Graph) -> list[Job]:
    def job(rule: str, name: str, stands_on: list[str]) -> Job:
        return Job(rule, [f"{TABLES}/{name}.{form}" for form in TABLE_FORMATS], stands_on)

    plan = graph.plan
    methods = [(name, graph.inputs.table_runs(SimpleNamespace(table=name))) for name in plan.tables]
    claims = [(name, graph.inputs.claims_runs(SimpleNamespace(claims=name))) for name in plan.claims]
    return [
        *(job("make_table", name, graph.inputs.provenance(runs)) for name, runs in methods),
        *(job("make_statistics", name, []) for name in plan.statistics),
        *(job("make_claims", name, graph.inputs.provenance(runs)) for name, runs in claims),
    ]


def _of_figures(graph: Graph) -> list[Job]:
    drawings = graph.targets.drawings()
    return [Job(f"draw_{drawing.kind.name}", drawing.outputs, drawing.trainings) for drawing in drawings]
