"""A made-up tree of results in a folder of its own, beside the real configuration of the digits and CIFAR-10."""

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import elsewhere
from tests.devices import Devices

from longtail.config.registry import CONFIG, merge
from longtail.graph import costs
from longtail.graph.costs import TrainingJob
from longtail.graph.graph import Graph
from longtail.overview import jobs, states, times
from longtail.overview.jobs import Job
from longtail.overview.speeds import Machine
from longtail.runtime import mps
from longtail.stage1 import imported

TABLE = {
    "title": "CE and MiSLAS",
    "columns": [{"dataset": "cifar10", "factor": 100, "backbone": "resnet32", "ranking": False}],
    "rows": [{"method": "ce"}, {"method": "mislas"}, {"method": "oltr"}],
}
ADDED: dict[str, Any] = {"figures": [], "seeds": {"runs": [0]}, "compute": {"device": "cpu", "precision": "float32"}}


class Tree:
    """Files of a run, written at will. Of its plan: CE's and mixup's Stage 1 and the Stage 2 of MiSLAS."""

    CE = "cifar10/if100/resnet32/ce/seed0/stage1"
    MIXUP = "cifar10/if100/resnet32/mixup/seed0/stage1"
    MISLAS = "cifar10/if100/resnet32/mixup/seed0/mislas"

    def __init__(self, root: Path) -> None:
        (root / "own.yaml").write_text(yaml.safe_dump(TABLE))
        self.config = root / "run.yaml"
        self.configure()

    def configure(self, **own: Any) -> None:
        """Lay keys upon the configuration and read it again."""
        self.config.write_text(yaml.safe_dump(ADDED | {"tables": ["own.yaml"]} | own))
        files = [CONFIG / "config.yaml", self.config]
        config: dict[str, Any] = {}
        for file in files:
            config = merge(config, yaml.safe_load(file.read_text()))
        self.graph = Graph.of(config, files)
        self.trainings = {t.folder: t for t in costs.trainings(self.graph, self.graph.plan.runs)}

    def machine(self, side_by_side: int = 2, accelerator: str | None = None, **more: Any) -> Machine:
        """A machine that trains in float32."""
        compute = self.graph.registry.config["compute"]
        machine = ("Old Processor, 2 cores", accelerator, "float32", side_by_side, compute, side_by_side)
        return Machine(*machine, **more)

    def training(self, folder: str) -> TrainingJob:
        return self.trainings[folder]

    def finish(self, folder: str, **changes: Any) -> None:
        """Outputs of a training of 100 images/s, by the machine, unless changed."""
        training = self.training(folder)
        record = {"settings": training.settings, "code": training.code, "precision": "float32", "accelerator": None}
        record |= {"processor": "Old Processor, 2 cores", "images": 1000, "seconds": 10.0}
        self.write(folder, "last.pt", "")
        self.write(folder, "history.csv", "")
        self.write(folder, "provenance.json", json.dumps(record | changes))

    def run(self, folder: str, **changes: Any) -> None:
        """What a training in its 50th of 200 epochs writes just now, unless changed."""
        row = {"epoch": 50, "loss": 1.23456, "learning_rate": 0.1, "test_top1": 0.6125, "epochs": 200}
        row |= {"images_per_second": 150.0, "seconds_left": 3000.0, "updated": time.time()}
        row |= {"pid": os.getpid(), "host": platform.node()}
        self.write(folder, "progress.json", json.dumps(row | changes))

    def jobs(self) -> list[Job]:
        """Every job of the plan."""
        return jobs.listed(self.graph, self.trainings.values())

    def make(self, job: Job) -> None:
        """Outputs of a job, empty but for the number of images."""
        for path in map(Path, job.outputs):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('{"total": 12406}' if path.name == "subset.json" else "")

    def make_all(self) -> None:
        """Outputs of every job."""
        for job in self.jobs():
            if job.training:
                self.finish(job.training.folder)
            else:
                self.make(job)

    def record(self, job: Job, seconds: float) -> None:
        """What Snakemake keeps of a job that took so long."""
        path = times.record_of(times.RECORDS, job.outputs[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"starttime": 1000.0, "endtime": 1000.0 + seconds}))

    def save(self, folder: str) -> None:
        """A state to go on from."""
        self.write(folder, "resume.pt", "")

    def log(self, folder: str, text: str) -> None:
        path = states.log(self.training(folder))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def benchmark(self, *records: dict[str, Any]) -> None:
        """Recorded speeds, of the machine unless said otherwise."""
        base = {"benchmark": "stage1", "processor": "Old Processor, 2 cores", "accelerator": None, "threads": 1}
        base |= {"backbone": "resnet32", "image_size": 32}
        path = Path("benchmarks/results/made_up.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([base | record for record in records]))

    def write(self, folder: str, name: str, text: str) -> None:
        path = Path("results/runs") / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    monkeypatch.chdir(tmp_path)
    return Tree(tmp_path)


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Devices:
    """A machine without GPUs and MPS."""
    monkeypatch.delenv(mps.PIPES, raising=False)
    monkeypatch.setattr(mps, "USUAL", tmp_path / "usual")
    return Devices(tmp_path, monkeypatch)


@pytest.fixture
def taken(tree: Tree, tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Configures a Stage 1 as one from elsewhere; gives its line of the configuration."""

    def take(folder: str) -> dict[str, str]:
        source = elsewhere.trained(tmp_path / "far/runs" / folder, tree.training(folder).settings)
        line = {"source": str(source), "sha256": imported.digest(source)}
        tree.configure(stage1={folder.removesuffix("/stage1"): line})
        return line

    return take


@pytest.fixture
def shown() -> Callable[[list[str]], dict[str, list[str]]]:
    """The rows of a table by their first cell."""

    def rows(lines: list[str]) -> dict[str, list[str]]:
        cells = [[cell for cell in line.split("  ") if cell] for line in lines]
        return {row[0]: [cell.strip() for cell in row[1:]] for row in cells if row}

    return rows
