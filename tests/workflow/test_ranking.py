"""The page that ranks methods on one's own table, through the real command."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests.workflow.command import jobs, smallest, snakemake

from longtail.results import RANKING_FORMATS

RUNS = "results/runs/digits/if50/resnet32"
TABLE = {
    "title": "Which one?",
    "columns": [{"dataset": "digits", "factor": 50, "backbone": "resnet32"}],
    "rows": [{"method": "ce"}, {"method": "oltr"}, {"method": "mislas"}],
}


@pytest.fixture(scope="module")
def made(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run, with a table of its own methods that asks for nothing."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("ranking") / "work", symlinks=True)
    (folder / "own.yaml").write_text(yaml.safe_dump(TABLE))
    smallest(folder, tables=["own.yaml"])
    code, output = snakemake(folder, "tables", "rankings", "--configfile", "mine.yaml")
    assert code == 0, output
    ran = jobs(output)
    assert ran == {"make_table": 1, "tables": 1, "make_ranking": 1, "rankings": 1}
    return folder


def test_the_page_is_there_in_every_form_and_reads_nothing_from_elsewhere(made: Path) -> None:
    pages = made / "results/rankings"

    assert {path.name for path in pages.iterdir()} == {f"own.{form}" for form in RANKING_FORMATS}
    page = (pages / "own.html").read_text()
    assert page.count("<svg role='img'") == 4
    assert "<script" not in page
    assert " src=" not in page
    assert "OLTR is not ranked: it needs modulated attention and the meta-embedding classifier." in page
    assert "Each method ran under one seed." in page


def test_its_numbers_are_those_of_the_scores(made: Path) -> None:
    numbers = pd.read_csv(made / "results/rankings/own.csv").set_index(["method", "criterion"])
    for method, stage1 in (("ce", "ce"), ("mislas", "mixup")):
        scores = json.loads((made / RUNS / stage1 / "seed0" / method / "metrics.json").read_text())["last"]
        for criterion in ("top1", "ece"):
            assert numbers.loc[(method, criterion), "value"] == pytest.approx(100 * scores[criterion], abs=1e-6)
        assert numbers.loc[(method, "nll"), "value"] == pytest.approx(scores["nll"], abs=1e-6)
        assert numbers.loc[(method, "worst_group"), "value"] == pytest.approx(
            100 * min(scores["groups"].values()), abs=1e-6
        )
    classes = pd.read_csv(made / "results/rankings/own.classes.csv")
    assert len(classes) == 10 * 2
    ours = classes[classes["method"] == "ce"].sort_values("class_number")["accuracy"]
    scores = json.loads((made / RUNS / "ce/seed0/ce/metrics.json").read_text())["last"]
    assert ours.tolist() == pytest.approx([100 * value for value in scores["per_class"]], abs=1e-6)


@pytest.mark.slow
def test_published_folders_and_the_report_have_the_page(made: Path) -> None:
    code, output = snakemake(made, "results/published/mine/manifest.json", "--configfile", "mine.yaml")

    assert code == 0, output
    manifest = json.loads((made / "results/published/mine/manifest.json").read_text())
    assert {f"rankings/own.{form}" for form in RANKING_FORMATS} <= manifest["files"].keys()
    code, output = snakemake(made, "rankings", "--report", "report.html", "--configfile", "mine.yaml")
    assert code == 0, output
    assert "results/rankings/own.html" in (made / "report.html").read_text()
