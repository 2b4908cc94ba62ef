"""Trainings that start from a finished run, by the real command."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from tests.workflow.command import jobs, overview, smallest, snakemake

from longtail.engine import checkpoint
from longtail.runtime.files import sha256

pytestmark = pytest.mark.slow

COLUMNS = [{"dataset": "digits", "factor": 10, "backbone": name} for name in ("resnet32", "started")]
TABLE = {"title": "From weights", "columns": COLUMNS}
RUNS = "results/runs/digits/if10"
SHORT = {
    "epochs": 2,
    "schedule": {"warmup": 0, "milestones": []},
    "defer": 1,
    "evaluate": {"every": 1, "each_from": 1},
}


@pytest.fixture(scope="module")
def started(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which cRT and MiSLAS have run from nothing and from the network of another folder's CE."""
    folder = tmp_path_factory.mktemp("weights")
    network = folder / "elsewhere" / "seed0"
    shutil.copytree(finished / "results/runs/digits/if50/resnet32/ce/seed0/stage1", network / "stage1")
    recipe = "fine_tune_last_stage"
    entry = {"backbone": "resnet32", "weights": "elsewhere/seed0", "recipe": recipe}
    recipes = dict.fromkeys([recipe, "digits-S1", "digits-baselines"], SHORT)
    smallest(folder, tables=["weights.yaml"], backbones={"started": entry}, recipes=recipes)
    rows = [{"method": "crt"}, {"method": "mislas"}, {"method": "balanced_softmax"}]
    (folder / "weights.yaml").write_text(yaml.safe_dump(TABLE | {"rows": rows}))
    code, output = snakemake(folder, "--configfile", "mine.yaml")
    assert code == 0, output
    assert jobs(output)["train_stage1"] == 6
    return folder


def test_both_columns_stand_side_by_side_and_the_record_says_what_was_loaded(started: Path) -> None:
    weights = started / "elsewhere" / "seed0" / "stage1" / "last.pt"
    records = {
        name: json.loads((started / RUNS / name / "ce" / "seed0" / "stage1" / "provenance.json").read_text())
        for name in ("resnet32", "started")
    }
    assert "weights" not in records["resnet32"]
    assert records["started"]["settings"]["weights"] == records["started"]["weights"]["sha256"] == sha256(weights)
    assert records["started"]["weights"]["left_out"].keys() == {"classifier.weight", "classifier.bias"}
    assert records["started"]["weights"]["as_drawn"] == {}
    table = (started / "results" / "tables" / "weights.csv").read_text()
    assert "digits/if10/resnet32/ce/seed0/crt" in table
    assert "digits/if10/started/ce/seed0/crt" in table
    small_print = (started / "results" / "tables" / "weights.md").read_text()
    assert "Started from trained weights: 3 of 10 trainings, from elsewhere/seed0/stage1/last.pt" in small_print
    log = started / "results" / "logs" / "runs" / "digits" / "if10" / "started" / "ce" / "seed0" / "train_stage1.log"
    assert "left out: classifier.weight, classifier.bias (the head, which is new)" in log.read_text()


def test_frozen_stages_are_those_of_the_weights_to_the_end(started: Path) -> None:
    before = checkpoint.load(started / "elsewhere" / "seed0" / "stage1" / "last.pt")
    for path in ("ce/seed0/stage1", "mixup/seed0/stage1"):
        after = checkpoint.load(started / RUNS / "started" / path / "last.pt")
        assert torch.equal(after["backbone.bn1.running_mean"], before["backbone.bn1.running_mean"]), path
        assert not torch.equal(
            after["backbone.stages.2.0.bn1.running_mean"], before["backbone.stages.2.0.bn1.running_mean"]
        )
    branches = checkpoint.load(started / RUNS / "started" / "balanced_softmax" / "seed0" / "stage1" / "last.pt")
    assert torch.equal(branches["backbone.trunk.0.weight"], before["backbone.conv1.weight"])


def test_moving_the_weights_repeats_nothing_and_other_weights_do(started: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(started, folder)
    (folder / "elsewhere").rename(folder / "moved")
    mine = (folder / "mine.yaml").read_text().replace("elsewhere/seed0", "moved/seed0")
    (folder / "mine.yaml").write_text(mine)
    assert jobs(snakemake(folder, "--configfile", "mine.yaml", "-n")[1]) == {}
    assert "resnet32 at 8x8" in overview(folder, "plan", "--configfile", "mine.yaml")

    stage1 = folder / "moved" / "seed0" / "stage1"
    shutil.copy(stage1 / "best.pt", stage1 / "last.pt")
    state = checkpoint.load(stage1 / "last.pt")
    checkpoint.save(stage1 / "last.pt", state | {"backbone.bn1.bias": state["backbone.bn1.bias"] + 1})
    output = snakemake(folder, "--configfile", "mine.yaml", "-n")[1]
    assert jobs(output)["train_stage1"] == 3

    (stage1 / "last.pt").write_bytes((stage1 / "last.pt").read_bytes()[:-100])
    code, output = snakemake(folder, "--configfile", "mine.yaml", "-n")
    assert code == 1
    assert "mine.yaml, backbone 'started', key 'weights': cannot read the weights" in output
