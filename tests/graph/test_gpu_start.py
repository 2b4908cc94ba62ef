"""What happens before the first job on GPUs, with made-up GPUs, records and a stand-in for the trial."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.devices import Devices
from tests.graph.test_sharing import RATES, record

from longtail.config.registry import CONFIG, merge
from longtail.graph import gpu_start
from longtail.graph.graph import Graph
from longtail.graph.resources import Resources
from longtail.results import TRIALS
from longtail.runtime import mps
from longtail.runtime.fingerprint import ROOT

SMALL = {"dataset": "cifar10", "imbalance": "if100", "backbone": "resnet32"}
SEEDS = 4


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Devices:
    """A machine with one GPU and no MPS, and a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in (mps.PIPES, mps.LOGS):
        # Set first, so that what is set later ends with the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(mps, "USUAL", tmp_path / "usual")
    monkeypatch.setattr(mps, "PROBE", "")
    made = Devices(tmp_path, monkeypatch)
    made.nvidia(0)
    return made


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for `benchmarks.trial` that records what RATES says; the file lists its arguments."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/stand_in.py").write_text(
        "import importlib.metadata, sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.graph.test_sharing import RATES, record\n"
        "versions = {'torch': importlib.metadata.version('torch')}\n"
        "record(RATES, sys.argv[2], how='plain processes', trial=True, versions=versions)\n"
        f"Path({str(tmp_path / 'called')!r}).write_text(' '.join(sys.argv[1:]))\n"
    )
    monkeypatch.setattr(gpu_start, "ROOT", tmp_path)
    monkeypatch.setattr(gpu_start, "TRIAL", "benchmarks.stand_in")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "lib"))
    return tmp_path / "called"


def graph(table: str = "mislas_cifar", **compute: Any) -> Graph:
    shipped = yaml.safe_load((CONFIG / "config.yaml").read_text())
    of_table = {"tables": [table], "figures": [], "seeds": {"runs": list(range(SEEDS))}}
    return Graph.of(merge(shipped, of_table | {"compute": compute}), [CONFIG / "config.yaml"])


def resources(**compute: Any) -> Resources:
    return graph(**compute).resources


def jobs(number: int, rule: str = "train_stage1", **changes: str) -> list[Any]:
    trainings = [{"stage1": method, "seed": str(seed)} for method in ("ce", "mixup") for seed in range(SEEDS)]
    wildcards = [SimpleNamespace(**(SMALL | changes | training)) for training in trainings[:number]]
    return [SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards=w) for w in wildcards]


def prepare(asked: Graph, of: list[Any], cores: int = 16) -> int:
    gpu_start.prepare(asked, of, cores, sys.executable)
    return asked.resources.jobs_per_gpu


def test_a_record_of_such_a_gpu_is_enough(devices: Devices, trial: Path, capfd: Any) -> None:
    record(RATES, how="plain processes")
    assert prepare(graph(), jobs(8)) == 4
    assert not trial.exists()
    assert capfd.readouterr().err.splitlines() == [
        "NVIDIA's MPS is not available here: trainings that share a GPU take turns.",
        "Small trainings share a GPU, 4 at a time, as measured on NVIDIA H200.",
    ]


def test_without_one_it_is_measured_once(devices: Devices, trial: Path, capfd: Any) -> None:
    assert prepare(graph(precision="bfloat16"), jobs(8), cores=12) == 4
    expected = f"--record {devices.root / TRIALS} --most 12 --threads 1 --precision bfloat16"
    assert trial.read_text() == expected
    assert "Measuring once how many trainings NVIDIA H200 does best at a time" in capfd.readouterr().err
    trial.unlink()
    assert prepare(graph(), jobs(8)) == 4
    assert not trial.exists()


def test_never_more_than_cores(devices: Devices) -> None:
    record(RATES, how="plain processes")
    assert prepare(graph(), jobs(8), cores=2) == 2
    devices.nvidia(0, 1)
    assert prepare(graph(), jobs(8), cores=4) == 2


@pytest.mark.parametrize(
    "script", ["raise SystemExit(3)", "import time; time.sleep(60)", "import os; os.kill(os.getpid(), 9)"]
)
def test_a_trial_that_fails_leaves_one_training_to_a_gpu(
    devices: Devices, trial: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any, script: str
) -> None:
    monkeypatch.setattr(gpu_start, "TRIAL_SECONDS", 3.0)
    (devices.root / "benchmarks/stand_in.py").write_text(script)
    assert prepare(graph(), jobs(8)) == 1
    said = capfd.readouterr().err.splitlines()[-1]
    assert said.startswith("Measuring failed (")
    assert said.endswith("so one training at a time on each GPU; compute.jobs_per_gpu sets another number.")


@pytest.mark.parametrize(
    "of",
    [
        jobs(1),
        jobs(8, backbone="resnet50"),
        jobs(8, "train_stage2"),
        jobs(8, "evaluate"),
        jobs(8, dataset="imagenet_lt"),
    ],
    ids=["one training", "large backbones", "Stage 2 alone", "nothing on a GPU", "images in files"],
)
def test_nothing_is_measured_for_jobs_that_would_not_share(devices: Devices, trial: Path, of: list[Any]) -> None:
    assert prepare(graph(), of) == 1
    assert not trial.exists()


def test_nothing_is_measured_for_trainings_that_end_sooner(devices: Devices, trial: Path) -> None:
    assert prepare(graph("digits"), jobs(8, dataset="digits", imbalance="if50")) == 1
    assert not trial.exists()


@pytest.mark.parametrize("compute", [{"device": "cpu"}, {"jobs_per_gpu": 1}, {"jobs_per_gpu": 3}, {"processes": 2}])
def test_nothing_is_measured_unless_it_is_up_to_this_project(
    devices: Devices, trial: Path, compute: dict[str, Any]
) -> None:
    assert prepare(graph(**compute), jobs(8)) == compute.get("jobs_per_gpu", 1)
    assert not trial.exists()


def test_without_a_gpu_nothing_is_said_and_nothing_changes(
    devices: Devices, trial: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    before, planned = dict(os.environ), graph()
    asked = planned.resources
    assert prepare(planned, jobs(8)) == 1
    assert asked.pools == {"gpu": 1}
    assert (asked.jobs_on_gpu(jobs(1)[0].wildcards), asked.gpu_percent(jobs(1)[0].wildcards, 0)) == (1, None)
    assert dict(os.environ) == before
    assert not trial.exists()
    assert capfd.readouterr().err == ""


def test_mps_is_started_where_jobs_share_and_its_records_count(
    devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = devices.root / "calls"
    script = f'#!/bin/sh\n[ "$1" = -d ] && echo start >> {calls} || cat >> {calls}\n'
    devices.file("bin/nvidia-cuda-mps-control", script).chmod(0o755)
    monkeypatch.setenv("PATH", f"{devices.root / 'bin'}:/usr/bin:/bin")
    closing: list[Any] = []
    monkeypatch.setattr(gpu_start.atexit, "register", closing.append)

    record(RATES, how="MPS")
    assert prepare(graph(), jobs(8)) == 4
    assert calls.read_text() == "start\n"
    assert Path(os.environ[mps.PIPES]).is_dir()
    closing.pop()()
    assert calls.read_text() == "start\nquit\n"

    # Where one training does best, it is ended at once.
    for name in (mps.PIPES, mps.LOGS):
        monkeypatch.delenv(name)
    record({1: 1.0e6}, how="MPS")
    record({1: 1.0e6}, how="MPS")
    assert prepare(graph(), jobs(8)) == 1
    assert calls.read_text() == "start\nquit\n" * 2
    assert mps.PIPES not in os.environ


def test_small_jobs_take_parts_of_a_gpu_and_others_all_of_it(devices: Devices) -> None:
    devices.nvidia(0, 1)
    asked = resources()
    asked.counts_parts = True
    assert asked.pools == {"gpu": 200, "gpu_percent": 200}
    asked.share(8)
    small, large = jobs(1)[0].wildcards, jobs(1, backbone="resnet50")[0].wildcards
    assert [(asked.jobs_on_gpu(w), asked.gpu_percent(w, 1)) for w in (small, large)] == [(8, 12), (1, 100)]
    several = resources(processes=2)
    assert (several.is_automatic, several.jobs_on_gpu(small), several.pools) == (False, 1, {"gpu": 2})


def test_a_number_of_the_configuration_holds_for_all_jobs(devices: Devices) -> None:
    asked = resources(jobs_per_gpu=3)
    large = jobs(1, backbone="resnet50")[0].wildcards
    assert (asked.jobs_on_gpu(large), asked.gpu_percent(large, 1), asked.pools) == (3, None, {"gpu": 3})
