"""Packs: several small trainings in one job, for clusters where each alone would be too short a job."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from longtail import results
from longtail.config.plan import Run, Training
from longtail.config.sources import is_streamed
from longtail.graph import costs, sharing
from longtail.graph.graph import Graph
from longtail.results import RESULTS
from longtail.runtime import files, nested

PACKS = f"{RESULTS}/packs"


class Packs:
    """The runs of a graph, by pack: Stage 1s of one data set and backbone, with everything that they need or serve.

    The packs depend on the plan alone, not on what is finished, so that a restarted job has the same pack. Data sets
    in files train long enough for packs of one. `w` are always a rule's wildcards.
    """

    def __init__(self, graph: Graph, config: dict[str, Any], deployment: Iterable[str]) -> None:
        """`config` is what the graph was made from, `deployment` the methods by which jobs get their software."""
        self.graph = graph
        self.config = config
        self.deployment = sorted(deployment)
        self.runs: dict[str, list[Run]] = {}
        kinds: dict[tuple[str, str], list[list[Run]]] = defaultdict(list)
        for family in _families(graph.plan.runs):
            kinds[family[0].setting.dataset, family[0].setting.backbone].append(family)
        pack = int(graph.registry.config["compute"]["pack"])
        for (dataset, backbone), families in sorted(kinds.items()):
            size = 1 if is_streamed(graph.registry.datasets[dataset]) else pack
            for first in range(0, len(families), size):
                runs = [run for family in families[first : first + size] for run in family]
                networks = sorted({run.folder for run in runs})
                digest = hashlib.sha256("\n".join(networks).encode()).hexdigest()[:8]
                self.runs[f"{dataset}-{backbone}-{digest}"] = runs

    def files(self) -> list[str]:
        """The output of every pack: a list of the files that it has made."""
        return [f"{PACKS}/{name}.txt" for name in self.runs]

    def inputs(self, w: Any) -> list[str]:
        """The inputs of a pack: arrays, subsets and weights, which it may share with other packs."""
        settings = {run.setting for run in self.runs[w.pack]}
        paths = {results.arrays(setting.dataset) for setting in settings}
        paths |= {path for setting in settings for path in self.graph.inputs.weights(setting)}
        return sorted(paths | {results.subset(setting.dataset, setting.imbalance) for setting in settings})

    def targets(self, w: Any) -> list[str]:
        """The files that a pack makes: the scores of its runs."""
        return self.graph.inputs.metrics(self.runs[w.pack])

    def make(self, w: Any, cores: int, made: Path, log: Path) -> None:
        """Make a pack on this machine, and list its files in `made`; raises CalledProcessError if a job fails."""
        targets = self.targets(w)
        nested.snakemake(targets, self._shared(w, cores), cores, cores, self.deployment, log)
        files.write_text(made, "\n".join(targets) + "\n")

    def _shared(self, w: Any, jobs: int) -> dict[str, Any]:
        """The configuration of a pack: so many of its jobs share the GPU, if the number is up to this project."""
        compute = self.graph.registry.config["compute"]
        if compute["jobs_per_gpu"] != sharing.AUTOMATIC or self._is_streamed(w):
            return self.config
        return self.config | {"compute": self.config.get("compute", {}) | {"jobs_per_gpu": jobs}}

    def _is_streamed(self, w: Any) -> bool:
        return is_streamed(self.graph.registry.datasets[self.runs[w.pack][0].setting.dataset])

    def make_rest(self, cores: int, log: Path) -> None:
        """Make what no pack makes: tables and figures."""
        nested.snakemake(["all"], self.config, cores, 1, self.deployment, log)

    def contents(self, w: Any) -> str:
        """Hash of the settings and the code of all trainings and scores of a pack."""
        digest = hashlib.sha256(self.graph.parameters.evaluation(w).encode())
        for training in costs.trainings(self.graph, self.runs[w.pack]):
            digest.update(f"{training.folder} {training.code} {training.settings}\n".encode())
        return digest.hexdigest()[:16]

    def threads(self, w: Any) -> int:
        """Cores that the trainings of a pack need to run side by side."""
        runs = self.runs[w.pack]
        networks = len({run.folder for run in runs})
        return networks * self.graph.resources.threads(runs[0].setting, self.graph.resources.processes)


def _families(runs: Iterable[Run]) -> list[list[Run]]:
    """Groups of runs that share a network, directly or because their networks read a common one.

    Two packs must not train the same network. Sorted by the folder of the first network.
    """
    families: list[tuple[set[Training], list[Run]]] = []
    for run in sorted(runs, key=lambda run: run.folder):
        trainings, members = set(run.network.chain), [run]
        for other in [family for family in families if family[0] & trainings]:
            families.remove(other)
            trainings |= other[0]
            members = other[1] + members
        families.append((trainings, members))
    return sorted((members for _, members in families), key=lambda members: members[0].folder)
