"""One training shared by two processes, by the real command."""

import csv
from pathlib import Path

import pytest
import yaml
from tests.workflow.command import ROOT, snakemake

STAGE1 = "results/runs/digits/if50/resnet32/mixup/seed0/stage1"


def trained(folder: Path, processes: int) -> list[dict[str, str]]:
    """The history of mixup's Stage 1 of two epochs on the digits."""
    folder.mkdir()
    (folder / "tests").symlink_to(ROOT / "tests")
    tiny = yaml.safe_load((Path(__file__).parent / "tiny.yaml").read_text())
    compute = {"device": "cpu", "precision": "float32", "processes": processes}
    # In float32 a last digit grows tenfold a step at the usual rate, so that the steps are small ones here.
    tiny["recipes"]["digits-S1"]["learning_rate"] = 1.0e-4
    (folder / "mine.yaml").write_text(yaml.safe_dump(tiny | {"compute": compute, "figures": []}))
    code, output = snakemake(folder, f"{STAGE1}/last.pt", "--configfile", "mine.yaml")
    assert code == 0, output
    with (folder / STAGE1 / "history.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    one, two = trained(tmp_path / "one", 1), trained(tmp_path / "two", 2)

    assert [row["epoch"] for row in two] == ["1", "2"]
    # Their sums are rounded otherwise, and no more than that.
    assert [float(row["loss"]) for row in two] == pytest.approx([float(row["loss"]) for row in one], rel=1e-3)
