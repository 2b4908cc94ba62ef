"""Jobs of one machine on its GPUs, which are made up here: PyTorch finds none and computes on the CPU."""

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
