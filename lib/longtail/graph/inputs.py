"""The input files of each job."""

import math
from collections.abc import Iterable
from typing import Any

from longtail import imbalance as factors
from longtail import results
from longtail.config import archives, backbones, chain, sources
from longtail.config.plan import Cell, Described, Plan, Run, Setting
from longtail.results import DATA, RUNS


class Inputs:
    """Input files of the jobs of one plan. `w` are always a rule's wildcards."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.registry = plan.registry

    def archive(self, w: Any) -> list[str]:
        """The archive that a data set's arrays are read from, if it has one."""
        archive = archives.chosen(self.registry.datasets[w.dataset])
        return [f"{DATA}/{w.dataset}/{archive['file']}"] if archive else []

    def held(self, w: Any) -> list[str]:
        """The archive of a data set where its `data_dir` is in a storage."""
        folder = self.registry.datasets[w.dataset].get("data_dir")
        return [f"{folder}/{w.archive}.tar.gz"] if sources.is_stored(folder) else []

    def networks(self, w: Any) -> list[str]:
        """The finished networks that a Stage 1 reads, in the order of their roles' names."""
        network = chain.network(self.registry, Setting(w.dataset, w.imbalance, w.backbone), w.stage1, int(w.seed))
        return [f"{RUNS}/{other.folder}/last.pt" for _, other in network.networks]

    def weights(self, w: Any) -> list[str]:
        """The weights that a Stage 1 starts from, if they are downloaded."""
        entry = backbones.entry(self.registry, w.backbone)
        return [backbones.place(entry)] if entry and backbones.archive(entry) else []

    def logits(self, w: Any) -> str:
        """The file with the test logits of a method: those of its Stage 2, or the features of its network."""
        return logits_in(folder(w), w)

    def metrics(self, runs: Iterable[Run]) -> list[str]:
        """Scores of runs."""
        return [f"{RUNS}/{run.metrics}" for run in runs]

    def provenance(self, runs: Iterable[Run]) -> list[str]:
        """Provenance of every training that runs require."""
        return sorted({f"{RUNS}/{training.folder}/provenance.json" for run in runs for training in run.trainings})

    def table_runs(self, w: Any) -> list[Run]:
        """Runs that a table shows."""
        return runs_of(self.plan.tables[w.table].cells)

    def claims_runs(self, w: Any) -> list[Run]:
        """Runs that a table of claims compares."""
        return runs_of(self.plan.claims[w.claims].cells)

    def claims_logits(self, w: Any) -> list[str]:
        """Test logits that a table of claims compares."""
        return [logits_in(run.folder, run) for run in self.claims_runs(w)]

    def ranked_runs(self, w: Any) -> list[Run]:
        """Runs that a page ranks."""
        return runs_of(self.plan.rankings[w.ranking].cells)

    def ranked_logits(self, w: Any) -> list[str]:
        """Test logits that a page ranks."""
        return [logits_in(run.folder, run) for run in self.ranked_runs(w)]

    def ranked_subset(self, w: Any) -> str:
        """The subset that the methods of a page were trained on."""
        setting = self.plan.rankings[w.ranking].cells[0].setting
        return results.subset(setting.dataset, setting.imbalance)

    def ranked_classes(self, w: Any) -> str:
        """The file with the names of a page's classes."""
        return results.classes(self.plan.rankings[w.ranking].cells[0].setting.dataset)

    def run_of(self, w: Any) -> Run:
        """The run of a method in a setting with a seed."""
        return chain.run(self.registry, Setting(w.dataset, w.imbalance, w.backbone), w.method, int(w.seed))

    def described_subsets(self, w: Any) -> list[str]:
        """Subsets whose images a table of data sets counts."""
        return [path for row in self.plan.statistics[w.statistics].rows for _, path in self.described(row)]

    def described_classes(self, w: Any) -> list[str]:
        """The files with the sizes of the test sets that a table of data sets shows."""
        names = {row.dataset for row in self.plan.statistics[w.statistics].rows if not row.needs}
        return [results.classes(name) for name in sorted(names)]

    def choices(self) -> list[str]:
        """The files with what each post-hoc method has chosen."""
        return [f"{RUNS}/{run.folder}/{run.method}/choice.json" for run in self.plan.runs if run.post_hoc]

    def subsets(self, dataset: str) -> list[str]:
        """Subsets of a data set that runs use, least imbalanced first."""
        used = {s.imbalance for s in self.plan.settings if s.dataset == dataset}
        ordered = sorted(used, key=lambda imbalance: factors.ratio(imbalance) or math.inf)
        return [results.subset(dataset, imbalance) for imbalance in ordered]

    def described(self, row: Described) -> list[tuple[str, str]]:
        """Imbalances of a described data set with their subsets."""
        needed = [] if row.needs else row.imbalances
        return [(imbalance, results.subset(row.dataset, imbalance)) for imbalance in needed]


def runs_of(cells: Iterable[Cell]) -> list[Run]:
    """Every run of cells, once."""
    return sorted({run for cell in cells for run in cell.runs})


def folder(w: Any) -> str:
    """`Run.folder` of the run that wildcards describe."""
    return results.stage1_run(w.dataset, w.imbalance, w.backbone, w.stage1, w.seed)


def logits_in(folder: str, run: Any) -> str:
    """The file with the test logits of `run` (or of a rule's wildcards) in the folder of its Stage 1."""
    if run.method == run.stage1:
        return f"{RUNS}/{folder}/features.npz"
    return f"{RUNS}/{folder}/{run.method}/logits.npz"
