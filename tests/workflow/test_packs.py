"""`snakemake packed`: trainings side by side in one job, with the results and paths of any other run."""

from pathlib import Path

import pytest
from tests.workflow.command import contents, jobs, smallest, snakemake

pytestmark = pytest.mark.slow

BROKEN = {"digits-S1": {"epochs": 2, "schedule": {"warmup": 1, "milestones": []}}}
BROKEN["digits-S2"] = {"epochs": 2, "learning_rate": 1e38}
STAGE1 = "results/runs/digits/if50/resnet32/mixup/seed0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return smallest(tmp_path)


def test_packed_run_leaves_what_a_plain_run_leaves(folder: Path, finished: Path) -> None:
    code, output = snakemake(folder, "packed", "--configfile", "mine.yaml")
    assert code == 0, output
    assert jobs(output) == {"build_arrays": 1, "build_long_tail": 1, "pack": 1, "packed": 1}
    (made,) = (folder / "results/packs").glob("*.txt")
    assert all((folder / line).is_file() for line in made.read_text().splitlines())

    code, output = snakemake(folder, "all", "--configfile", "mine.yaml")
    assert (code, jobs(output)) == (0, {}), output
    assert "Nothing to be done" in output

    of_plain = {path: value for path, value in contents(finished / STAGE1).items() if "provenance" not in path}
    of_packed = contents(folder / STAGE1)
    assert of_plain
    assert {path: of_packed[path] for path in of_plain} == of_plain


def test_a_failed_pack_is_reported_and_affects_no_other(folder: Path) -> None:
    smallest(folder, recipes=BROKEN)
    code, output = snakemake(folder, "packed", "--configfile", "mine.yaml", "--retries", "1")
    assert code == 1
    assert "error: the loss is not finite" in output
    assert "Trying to restart" not in output
    assert not (folder / STAGE1 / "mislas/metrics.json").exists()
    assert (folder / STAGE1 / "stage1/last.pt").is_file()
    assert (folder / "results/runs/digits/if50/resnet32/ce/seed0/ce/metrics.json").is_file()
