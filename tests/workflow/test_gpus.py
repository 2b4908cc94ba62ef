"""Jobs of one machine on its GPUs, which are made up here: PyTorch finds none and computes on the CPU."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from tests.workflow.command import ROOT, checkout, jobs, snakemake, start
from tests.workflow.test_stops import interruptible

pytestmark = pytest.mark.slow

TEXT = """
tables: [tests/workflow/tiny_table.yaml]
figures: []
seeds: {runs: [0]}
recipes: {digits-S1: {epochs: 2, schedule: {warmup: 1, milestones: []}, evaluate: {every: 1, each_from: 1}}}
"""
STAGE1 = "results/logs/runs/digits/if50/resnet32/{}/seed0/train_stage1.log"


def test_two_trainings_at_a_time_are_on_two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "gpus.yaml").write_text(TEXT)
    code, output = snakemake(tmp_path, "stage1", "--configfile", "gpus.yaml")
    assert code == 0, output
    assert jobs(output)["train_stage1"] == 2
    held = [(tmp_path / STAGE1.format(method)).read_text() for method in ("ce", "mixup")]
    assert sorted(line[-1] for log in held for line in log.splitlines() if "on GPU" in line) == ["0", "1"]


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in on a machine with one GPU, whose records say that four trainings do best at a time."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    program(tmp_path, "nvidia-smi", "echo NVIDIA X1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("CUDA_MPS_PIPE_DIRECTORY", raising=False)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "gpus.yaml").write_text(TEXT.replace("epochs: 2", "epochs: 8"))
    shared = {"benchmark": "packed", "accelerator": "NVIDIA X1", "threads": 1, "precision": "bfloat16"}
    records = [
        shared | {"contestant": f"{n} ({how})", "processes": n, "images_per_second": 100.0 * n}
        for how in ("MPS", "plain processes")
        for n in (1, 2, 4)
    ]
    (tmp_path / "benchmarks/results").mkdir(parents=True)
    (tmp_path / "benchmarks/results/packed.json").write_text(json.dumps(records))
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_small_trainings_share_a_gpu_as_recorded(measured: Path) -> None:
    command = ("stage1", "--configfile", "gpus.yaml")

    code, output = snakemake(measured, *command, "--dry-run")
    assert code == 0, output
    assert "share a GPU" not in output

    # Two cores are enough for two trainings.
    code, output = snakemake(measured, *command)
    assert code == 0, output
    assert "Small trainings share a GPU, 2 at a time, as measured on NVIDIA X1." in output
    assert jobs(output)["train_stage1"] == 2
    logs = [(measured / STAGE1.format(method)).read_text().splitlines() for method in ("ce", "mixup")]
    # Each has its GPU before the other one has ended.
    began = [line.split()[0] for log in logs for line in log if line.endswith("on GPU 0")]
    ended = [line.split()[0] for log in logs for line in log if "epoch 8/8" in line]
    assert (len(began), len(ended)) == (2, 2)
    assert max(began) < min(ended)


def test_damaged_records_are_named_in_a_sentence(measured: Path) -> None:
    (measured / "results/gpu").mkdir(parents=True)
    (measured / "results/gpu/packed.json").write_text('[{"benchmark": "packed", "acc')

    code, output = snakemake(measured, "stage1", "--configfile", "gpus.yaml")

    assert code == 1
    assert re.search(r"^results/gpu/packed\.json is not readable JSON .*: delete it and run again$", output, re.M)
    assert "sharing.py" not in output  # of a traceback


@pytest.mark.parametrize("end", ["Ctrl-C", "failure"])
def test_mps_runs_for_the_run_however_it_ends(
    measured: Path, tmp_path_factory: pytest.TempPathFactory, end: str
) -> None:
    calls = measured / "calls"
    program(measured, "nvidia-cuda-mps-control", f'[ "$1" = -d ] && echo start >> {calls} || cat >> {calls}')
    # There is no GPU on which to try whether MPS works.
    project = checkout(tmp_path_factory.mktemp("project"))
    source = project / "lib/longtail/runtime/mps.py"
    source.write_text(re.sub(r"^PROBE = .*$", 'PROBE = ""', source.read_text(), flags=re.MULTILINE))
    epochs, rate = (1000, 0.05) if end == "Ctrl-C" else (8, 1.0e30)
    (measured / "gpus.yaml").write_text(TEXT.replace("epochs: 2", f"epochs: {epochs}, learning_rate: {rate:.1e}"))

    process = start(measured, "stage1", "--configfile", "gpus.yaml", project=project, before=interruptible)
    log = measured / STAGE1.format("ce")
    if end == "Ctrl-C":
        deadline = time.monotonic() + 120
        while "epoch 2/" not in (log.read_text() if log.is_file() else ""):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert calls.read_text() == "start\n"
        os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == (130 if end == "Ctrl-C" else 1), output
    assert "MPS is not available" not in output
    assert "Small trainings share a GPU, 2 at a time" in output
    assert calls.read_text() == "start\nquit\n"
