"""Every job that Snakemake plans, and whether it is done, judged by the existing files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from longtail import results
from longtail.graph.costs import TrainingJob
from longtail.graph.graph import Graph
from longtail.overview import states
from longtail.overview.states import DONE, State
from longtail.results import RANKING_FORMATS, RANKINGS, RUNS, TABLE_FORMATS, TABLES


@dataclass(frozen=True)
class Job:
    """A job: its rule and the files that it makes.

    `requires` are files of the trainings whose results it uses; of a `training` also its own files.
    """

    rule: str
    outputs: list[str]
    requires: list[str]
    training: TrainingJob | None = None

    @property
    def kind(self) -> tuple[str, ...]:
        """The group of jobs that take about equally long: the rule, with data set and backbone if it has any."""
        _, what, *words = Path(self.outputs[0]).parts
        if what == "data":
            return self.rule, words[0]
        if what != "runs":
            return (self.rule,)
        cached = ("cached features",) if self.training and self.training.work == 0 else ()
        return self.rule, words[0], words[2], *cached


def listed(graph: Graph, trainings: Iterable[TrainingJob]) -> list[Job]:
    """All jobs of the target `all`; `trainings` are those that train."""
    of_pages = [*_of_tables(graph), *_of_rankings(graph), *_of_figures(graph)]
    return [*_data(graph), *map(_of_training, trainings), *_of_runs(graph), *of_pages]


def to_do(jobs: Iterable[Job], trainings: Mapping[str, State]) -> list[Job]:
    """The jobs that are not done; `trainings` are the states of the trainings by folder.

    A job is done if its files exist and all trainings that it requires are done.
    """
    unfinished = {f"{RUNS}/{folder}" for folder, state in trainings.items() if state.kind != DONE}
    return [
        job
        for job in jobs
        if any(str(Path(path).parent) in unfinished for path in job.requires)
        or not all(Path(path).is_file() for path in job.outputs)
    ]


def _data(graph: Graph) -> list[Job]:
    jobs = []
    for dataset in graph.plan.datasets:
        jobs += [Job("download", [path], []) for path in graph.inputs.archive(SimpleNamespace(dataset=dataset))]
        jobs.append(Job("build_arrays", [results.arrays(dataset), results.classes(dataset)], []))
    downloaded = {path for setting in graph.plan.settings for path in graph.inputs.weights(setting)}
    jobs += [Job("download_weights", [path], []) for path in sorted(downloaded)]
    subsets = {path for dataset in graph.plan.datasets for path in graph.inputs.subsets(dataset)}
    for table in graph.plan.statistics:
        subsets.update(graph.inputs.described_subsets(SimpleNamespace(statistics=table)))
    return jobs + [Job("build_long_tail", [path], []) for path in sorted(subsets)]


def _of_training(training: TrainingJob) -> Job:
    rule = "import_stage1" if training.imported else f"train_{training.block}"
    outputs = [f"{RUNS}/{training.folder}/{name}" for name in states.OUTPUTS]
    networks = [f"{RUNS}/{network}/last.pt" for network in training.networks]
    return Job(rule, outputs, outputs + networks, training)


def _of_runs(graph: Graph) -> list[Job]:
    runs = graph.plan.runs
    networks = sorted({f"{RUNS}/{run.folder}" for run in runs})
    jobs = [Job("extract_features", [f"{path}/features.npz"], [f"{path}/stage1/last.pt"]) for path in networks]
    for run in runs:
        if run.post_hoc:
            folder = f"{RUNS}/{run.folder}/{run.method}"
            outputs = [f"{folder}/{name}" for name in ("logits.npz", "choice.json")]
            jobs.append(Job("adjust_classifier", outputs, graph.inputs.provenance([run])))
        jobs.append(Job("evaluate", graph.inputs.metrics([run]), graph.inputs.provenance([run])))
    read = {path for drawing in graph.targets.drawings() for path in drawing.inputs}
    for path in sorted(path for path in read if path.endswith("/projection.npz")):
        jobs.append(Job("project_features", [path], [f"{Path(path).parents[1]}/stage1/last.pt"]))
    return jobs


def _of_tables(graph: Graph) -> list[Job]:
    def job(rule: str, name: str, requires: list[str]) -> Job:
        return Job(rule, [f"{TABLES}/{name}.{form}" for form in TABLE_FORMATS], requires)

    plan = graph.plan
    methods = [(name, graph.inputs.table_runs(SimpleNamespace(table=name))) for name in plan.tables]
    claims = [(name, graph.inputs.claims_runs(SimpleNamespace(claims=name))) for name in plan.claims]
    return [
        *(job("make_table", name, graph.inputs.provenance(runs)) for name, runs in methods),
        *(job("make_statistics", name, []) for name in plan.statistics),
        *(job("make_claims", name, graph.inputs.provenance(runs)) for name, runs in claims),
    ]


def _of_rankings(graph: Graph) -> list[Job]:
    return [
        Job(
            "make_ranking",
            [f"{RANKINGS}/{name}.{form}" for form in RANKING_FORMATS],
            graph.inputs.provenance(graph.inputs.ranked_runs(SimpleNamespace(ranking=name))),
        )
        for name in graph.plan.rankings
    ]


def _of_figures(graph: Graph) -> list[Job]:
    drawings = graph.targets.drawings()
    return [Job(f"draw_{drawing.kind.name}", drawing.outputs, drawing.trainings) for drawing in drawings]
