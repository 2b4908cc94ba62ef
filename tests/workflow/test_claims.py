"""A table of claims from trainings to its four files, through the real command."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from tests.workflow.command import jobs, snakemake

from longtail.runtime.fingerprint import ROOT

RUNS = "results/runs/digits/if50/resnet32/ce/seed0"
CONFIG = ["--configfile", str(ROOT / "tests/workflow/tiny_claims.yaml")]


@pytest.fixture(scope="module")
def made(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run, which begins with what `finished` holds: CE."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("claims") / "work", symlinks=True)
    code, output = snakemake(folder, "tables", "metrics", *CONFIG)
    assert code == 0, output
    assert (jobs(output)["train_stage2"], jobs(output)["make_claims"]) == (1, 1)
    assert "train_stage1" not in jobs(output)
    return folder


def test_a_table_of_claims_requires_its_trainings(tmp_path: Path) -> None:
    code, output = snakemake(tmp_path, "-n", "tables", *CONFIG)
    wanted = jobs(output)

    assert code == 0, output
    assert (wanted["train_stage1"], wanted["train_stage2"], wanted["make_claims"]) == (1, 1, 1)
    assert "make_table" not in wanted


def test_a_table_of_claims_is_four_files(made: Path) -> None:
    tables = made / "results/tables"
    assert {path.name for path in tables.glob("*claims*")} == {
        f"tiny_claims_table.{form}" for form in ("csv", "md", "tex", "html")
    }
    page = (tables / "tiny_claims_table.md").read_text()
    assert "| cRT is more accurate than its Stage 1 (Top-1) | 82.1 vs 70.4 | cRT " in page
    assert "OLTR needs modulated attention and the meta-embedding classifier |" in page
    assert "- Seeds: 0.\n" in page


def test_its_numbers_are_those_of_the_scores(made: Path) -> None:
    scores = {name: json.loads((made / RUNS / name / "metrics.json").read_text()) for name in ("ce", "crt")}
    with (made / "results/tables/tiny_claims_table.csv").open() as file:
        lines = list(csv.DictReader(file))

    assert [(line["metric"], line["protocol"]) for line in lines] == [
        (metric, protocol) for metric in ("top1", "ece") for protocol in ("last", "best")
    ]
    for line in lines:
        for key, name in (("ours_better", "crt"), ("ours_than", "ce")):
            assert float(line[key]) == pytest.approx(100 * scores[name][line["protocol"]][line["metric"]], abs=1e-6)


def test_a_further_seed_makes_it_again(made: Path) -> None:
    (made / "more.yaml").write_text("seeds: {runs: [0, 1]}\n")

    code, again = snakemake(made, "-n", "tables", *CONFIG)
    assert code == 0, again
    assert jobs(again) == {}

    code, more = snakemake(made, "-n", "tables", *CONFIG, str(made / "more.yaml"))
    assert code == 0, more
    assert {rule: jobs(more)[rule] for rule in ("train_stage1", "train_stage2", "make_claims")} == {
        "train_stage1": 1,
        "train_stage2": 1,
        "make_claims": 1,
    }
