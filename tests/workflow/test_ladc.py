"""LADC from its Stage 1 to its tables and figures, through the real command."""

import csv
import json
from pathlib import Path

import pytest
from tests.workflow.command import contents, jobs, snakemake

from longtail.runtime.fingerprint import ROOT

pytestmark = pytest.mark.slow

FOLDER = "results/runs/digits/if50/resnet32"
CONFIG = ["--configfile", str(ROOT / "tests/workflow/tiny_ladc.yaml")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a whole run, and what it printed."""
    folder = tmp_path_factory.mktemp("ladc")
    (folder / "tests").symlink_to(ROOT / "tests")
    code, output = snakemake(folder, *CONFIG)
    assert code == 0, output
    return folder, output


def test_jobs(made: tuple[Path, str]) -> None:
    assert jobs(made[1]) == {
        "build_arrays": 1,
        "build_long_tail": 2,  # 50 to train on, 10 to be counted
        "train_stage1": 2,  # ce, remix_randaugment
        "extract_features": 2,
        "train_stage2": 4,  # ladc, dc, and ladc with m = 1 and with P of classes
        "adjust_classifier": 1,
        "project_features": 1,
        "evaluate": 6,
        "make_table": 1,
        "make_statistics": 1,
        "draw_similarity": 1,
        "draw_projection": 1,
        "draw_sensitivity": 1,
        "draw_probabilities": 1,
        "draw_class_counts": 1,
        "draw_training_curves": 1,
        "draw_reliability_overview": 1,
        "all": 1,
    }


def test_a_second_call_finds_nothing_to_do(made: tuple[Path, str]) -> None:
    code, output = snakemake(made[0], *CONFIG)
    assert code == 0
    assert jobs(output) == {}


def test_groups_stand_beside_what_is_printed(made: tuple[Path, str]) -> None:
    with (made[0] / "results/tables/tiny_ladc_table.csv").open() as file:
        rows = {(row["method"], row["metric"], row["protocol"]): row for row in csv.DictReader(file)}
    scores = json.loads((made[0] / FOLDER / "remix_randaugment/seed0/ladc/metrics.json").read_text())["last"]

    assert rows["ladc", "top1", "last"]["printed"] == "84.650000"
    for group in ("many", "medium", "few"):
        assert float(rows["ladc", group, "last"]["ours"]) == pytest.approx(100 * scores["groups"][group], abs=1e-6)
    page = (made[0] / "results/tables/tiny_ladc_table.md").read_text()
    assert "| Method | Top-1 | Many | Medium | Few |" in page
    assert r"| LADC | 84.65 \| " in page


def test_probabilities_leave_out_the_panel_that_cannot_be_drawn(made: tuple[Path, str]) -> None:
    for form in ("svg", "png"):
        assert (made[0] / f"results/figures/probabilities/tiny_probabilities.{form}").stat().st_size > 10_000
    assert not list(made[0].glob(f"{FOLDER}/*/seed0/crt"))


def test_tau_is_chosen_on_images_that_were_not_trained_on(made: tuple[Path, str]) -> None:
    choice = json.loads((made[0] / FOLDER / "ce/seed0/tau_on_ce/choice.json").read_text())
    subset = json.loads((made[0] / "results/data/digits/if50/subset.json").read_text())

    best = max(choice["held_out"])
    assert choice["last"]["tau"] == choice["grid"][choice["held_out"].index(best)]
    assert 0 < choice["held_out_images"] <= 1197 - subset["total"]


def test_a_head_set_that_is_everything_ends_the_job_in_a_sentence_and_loses_nothing(made: tuple[Path, str]) -> None:
    everything = made[0] / "everything.yaml"
    everything.write_text("methods: {dc: {stage2: {generator: {head_size: 1}}}}\n")
    before = contents(made[0] / FOLDER / "remix_randaugment/seed0/ladc")

    code, output = snakemake(made[0], *CONFIG, str(everything))

    assert code != 0
    assert "head_size is 1, which with head_rule 'share' makes every class a head class" in output
    assert "leaves no tail class: lower it" in output
    assert "Traceback" not in output
    assert contents(made[0] / FOLDER / "remix_randaugment/seed0/ladc") == before
