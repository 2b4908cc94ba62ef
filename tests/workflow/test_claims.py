"""A table of claims from trainings to its four files, through the real command."""

import csv
import json
from pathlib import Path

import pytest
from tests.workflow.command import jobs, snakemake

from longtail.runtime.fingerprint import ROOT

RUNS = "results/runs/digits/if50/resnet32/ce/seed0"
CONFIG = ["--configfile", str(ROOT / "tests/workflow/tiny_claims.yaml")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a whole run, and what it printed."""
    folder = tmp_path_factory.mktemp("claims")
    (folder / "tests").symlink_to(ROOT / "tests")
    code, output = snakemake(folder, "tables", "metrics", *CONFIG)
    assert code == 0, output
    return folder, output


def test_a_table_of_claims_wants_its_trainings_and_makes_four_files(made: tuple[Path, str]) -> None:
    folder, output = made
    ran = jobs(output)

    assert (ran["train_stage1"], ran["train_stage2"], ran["make_claims"]) == (1, 1, 1)
    assert "make_table" not in ran
    tables = folder / "results/tables"
    assert {path.name for path in tables.iterdir()} == {
        f"tiny_claims_table.{form}" for form in ("csv", "md", "tex", "html")
    }
    page = (tables / "tiny_claims_table.md").read_text()
    assert "| cRT is more accurate than its Stage 1 (Top-1) | 82.1 vs 70.4 | cRT " in page
    assert "Major-to-Minor needs images of frequent classes translated into rare ones |" in page
    assert "- Seeds: 0.\n" in page


def test_its_numbers_are_those_of_the_scores(made: tuple[Path, str]) -> None:
    folder, _ = made
    scores = {name: json.loads((folder / RUNS / name / "metrics.json").read_text()) for name in ("ce", "crt")}
    with (folder / "results/tables/tiny_claims_table.csv").open() as file:
        lines = list(csv.DictReader(file))

    assert [(line["metric"], line["protocol"]) for line in lines] == [
        (metric, protocol) for metric in ("top1", "ece") for protocol in ("last", "best")
    ]
    for line in lines:
        for key, name in (("ours_better", "crt"), ("ours_than", "ce")):
            assert float(line[key]) == pytest.approx(100 * scores[name][line["protocol"]][line["metric"]], abs=1e-6)


def test_a_seed_more_makes_it_anew(made: tuple[Path, str]) -> None:
    folder, _ = made
    (folder / "more.yaml").write_text("seeds: {runs: [0, 1]}\n")

    code, again = snakemake(folder, "-n", "tables", *CONFIG)
    assert code == 0, again
    assert jobs(again) == {}

    code, more = snakemake(folder, "-n", "tables", *CONFIG, str(folder / "more.yaml"))
    assert code == 0, more
    assert {rule: jobs(more)[rule] for rule in ("train_stage1", "train_stage2", "make_claims")} == {
        "train_stage1": 1,
        "train_stage2": 1,
        "make_claims": 1,
    }
