"""A method that starts from another network, by the real command."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from tests.workflow.command import jobs, overview, smallest, snakemake

from longtail.engine import checkpoint
from longtail.runtime.files import sha256

pytestmark = pytest.mark.slow

TABLE = {"title": "SSP", "columns": [{"dataset": "digits", "factor": 10, "backbone": "resnet32"}]}
SHORT = {
    "epochs": 2,
    "schedule": {"warmup": 1, "milestones": []},
    "defer": 1,
    "evaluate": {"every": 1, "each_from": 1},
}
RUNS = "results/runs/digits/if10/resnet32"


@pytest.fixture(scope="module")
def chained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which LDAM-DRW + SSP has run."""
    folder = smallest(tmp_path_factory.mktemp("chain"), tables=["ssp.yaml"], recipes={"digits-baselines": SHORT})
    (folder / "ssp.yaml").write_text(yaml.safe_dump(TABLE | {"rows": [{"method": "ldam_drw_ssp"}]}))
    code, output = snakemake(folder, "--configfile", "mine.yaml")
    assert code == 0, output
    assert jobs(output)["train_stage1"] == 2
    return folder


def test_the_network_that_is_read_is_trained_first_and_recorded(chained: Path) -> None:
    records = {
        name: json.loads((chained / RUNS / name / "seed0" / "stage1" / "provenance.json").read_text())
        for name in ("rotation", "ldam_drw_ssp")
    }
    beneath = chained / RUNS / "rotation" / "seed0" / "stage1" / "last.pt"

    assert checkpoint.load(beneath)["classifier.weight"].shape == (4, 64)
    assert records["ldam_drw_ssp"]["settings"]["networks"] == {"start": "rotation"}
    assert records["ldam_drw_ssp"]["inputs"].endswith(sha256(beneath))
    assert "networks" not in records["rotation"]["settings"]
    (cell,) = (chained / "results" / "tables" / "ssp.csv").read_text().splitlines()[1:2]
    assert "ldam_drw_ssp/seed0/ldam_drw_ssp/metrics.json" in cell
    # No score of the pre-training, which knows no classes.
    assert not (chained / RUNS / "rotation" / "seed0" / "features.npz").exists()


def test_training_starts_from_the_network_that_it_reads(chained: Path) -> None:
    """Batch norm has counted the batches of both."""
    counted = [
        checkpoint.load(chained / RUNS / name / "seed0" / "stage1" / "last.pt")["backbone.bn1.num_batches_tracked"]
        for name in ("rotation", "ldam_drw_ssp")
    ]

    assert torch.equal(counted[1], 2 * counted[0])


def test_everything_is_made_again_when_the_network_that_it_reads_changes(chained: Path) -> None:
    changed = {"methods": {"rotation": {"stage1": {"loss": {"name": "balanced_softmax", "tau": 1.0}}}}}
    (chained / "changed.yaml").write_text(yaml.safe_dump(changed))

    code, output = snakemake(chained, "-n", "--configfile", "mine.yaml", "changed.yaml")

    assert code == 0, output
    assert jobs(output)["train_stage1"] == 2
    assert jobs(output)["evaluate"] == 1
    plan = overview(chained, "plan", "--configfile", "mine.yaml")
    assert "2 / 2" in plan, plan


def test_scores_of_a_network_that_knows_no_classes_are_refused(chained: Path) -> None:
    target = f"{RUNS}/rotation/seed0/rotation/metrics.json"

    code, output = snakemake(chained, "-n", "--configfile", "mine.yaml", "--", target)

    assert code != 0
    assert "'rotation' learns a task that is not the classes" in output


def test_three_trainings_of_one_network(tmp_path: Path) -> None:
    """Bag of tricks: each training starts from the whole of the one before."""
    brief = {"epochs": 1, "schedule": {"warmup": 0, "milestones": []}, "evaluate": {"every": 1, "each_from": 1}}
    recipes = {name: brief for name in ("digits-baselines", "digits-tricks-2", "digits-tricks-3")}
    recipes["digits-baselines"] = brief | {"defer": 1}
    smallest(tmp_path, tables=["tricks.yaml"], recipes=recipes)
    (tmp_path / "tricks.yaml").write_text(yaml.safe_dump(TABLE | {"rows": [{"method": "bag_of_tricks"}]}))

    code, output = snakemake(tmp_path, "--configfile", "mine.yaml")

    assert code == 0, output
    assert jobs(output)["train_stage1"] == 3
    assert jobs(output)["evaluate"] == 1
    names = ["mixup_bot320", "bag_of_tricks_cam", "bag_of_tricks"]
    folders = [tmp_path / RUNS / name / "seed0" / "stage1" for name in names]
    read = [json.loads((folder / "provenance.json").read_text())["inputs"] for folder in folders]
    first, second = (sha256(folder / "last.pt") for folder in folders[:2])
    # The second one reads the first as its start and for its maps.
    assert read[1].endswith(first + first)
    assert read[2].endswith(second)
    # Batch norm has counted the batches of all: 14, 14 and 14 of 461 images in whole batches of 32, and one more.
    counted = [checkpoint.load(folder / "last.pt")["backbone.bn1.num_batches_tracked"] for folder in folders]
    assert [int(each) for each in counted] == [15, 29, 43]
    (cell,) = (tmp_path / "results" / "tables" / "tricks.csv").read_text().splitlines()[1:2]
    assert "bag_of_tricks/seed0/bag_of_tricks/metrics.json" in cell
