"""Jobs of one machine on its GPUs, which are made up here: PyTorch finds none and computes on the CPU."""

import json
from pathlib import Path

import pytest
from tests.workflow.command import ROOT, jobs, snakemake

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


def test_small_trainings_share_a_gpu_as_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = tmp_path / "bin/nvidia-smi"
    driver.parent.mkdir()
    driver.write_text("#!/bin/sh\necho NVIDIA X1\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(driver.parent), prepend=":")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "gpus.yaml").write_text(TEXT.replace("epochs: 2", "epochs: 8"))
    shared = {"benchmark": "packed", "accelerator": "NVIDIA X1", "threads": 1, "precision": "bfloat16"}
    records = [
        shared | {"contestant": f"{n} (plain processes)", "processes": n, "images_per_second": 100.0 * n}
        for n in (1, 2, 4)
    ]
    (tmp_path / "benchmarks/results").mkdir(parents=True)
    (tmp_path / "benchmarks/results/packed.json").write_text(json.dumps(records))
    command = ("stage1", "--configfile", "gpus.yaml")

    code, output = snakemake(tmp_path, *command, "--dry-run")
    assert code == 0, output
    assert "share a GPU" not in output

    # Two cores are enough for two trainings.
    code, output = snakemake(tmp_path, *command)
    assert code == 0, output
    assert "Small trainings share a GPU, 2 at a time, as measured on NVIDIA X1." in output
    assert jobs(output)["train_stage1"] == 2
    logs = [(tmp_path / STAGE1.format(method)).read_text().splitlines() for method in ("ce", "mixup")]
    # Each has its GPU before the other one has ended.
    began = [line.split()[0] for log in logs for line in log if line.endswith("on GPU 0")]
    ended = [line.split()[0] for log in logs for line in log if "epoch 8/8" in line]
    assert (len(began), len(ended)) == (2, 2)
    assert max(began) < min(ended)
