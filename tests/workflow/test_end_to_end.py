"""The whole graph on the embedded digits, with the real command: complete, repeatable, redone only where it must."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from tests.workflow.command import checkout, contents, jobs, overview, smallest, snakemake

TINY = ("--configfile", "tests/workflow/tiny.yaml")
HERE = Path(__file__).parent
RUN = "digits/if50/resnet32"


def tiny_project(folder: Path) -> Path:
    project = checkout(folder)
    (project / "tests" / "workflow").mkdir(parents=True)
    for path in HERE.glob("tiny*.yaml"):
        shutil.copy(path, project / "tests" / "workflow")
    return project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which everything has run once."""
    project = tiny_project(tmp_path_factory.mktemp("project"))
    code, output = snakemake(project, *TINY, project=project)
    assert code == 0, output
    return project


def redone(project: Path) -> tuple[dict[str, int], str]:
    """Jobs that another run would do, and what Snakemake says of them."""
    code, output = snakemake(project, "-n", *TINY, project=project)
    assert code == 0, output
    assert ("Nothing to be done" in output) == (jobs(output) == {}), output
    return jobs(output), output


@contextmanager
def edited(*paths: Path, edit: Callable[[str], str]) -> Iterator[None]:
    """Files with their text changed for as long as the block lasts."""
    texts = {path: path.read_text() for path in paths}
    try:
        for path, text in texts.items():
            assert edit(text) != text
            path.write_text(edit(text))
        yield
    finally:
        for path, text in texts.items():
            path.write_text(text)


def test_everything_requested_is_there(project: Path) -> None:
    results = project / "results"
    figures = ["tiny_reliability_panels", "tiny_reliability_overlay", "class_counts/digits"]
    figures += [f"{kind}/{RUN}" for kind in ("training_curves", "smoothing", "reliability_overview")]
    expected = {f"figures/{stem}.{form}" for stem in figures for form in ("svg", "png")}
    expected |= {f"tables/tiny_table.{form}" for form in ("csv", "md", "tex", "html")}

    found = set(contents(results))

    assert {path for path in found if path.startswith(("figures/", "tables/"))} == expected
    assert {path for path in found if path.endswith("metrics.json")} == {
        f"runs/{RUN}/{stage1}/seed{seed}/{method}/metrics.json"
        for stage1, method in (("ce", "ce"), ("mixup", "mislas"))
        for seed in (0, 1)
    }
    assert [path for path in found if path.endswith((".tmp", ".part")) or "resume" in path] == []


def test_the_table_holds_the_scores_of_the_runs(project: Path) -> None:
    table = pd.read_csv(project / "results/tables/tiny_table.csv").set_index(["method", "metric", "protocol"])
    scores = [
        json.loads((project / f"results/runs/{RUN}/mixup/seed{seed}/mislas/metrics.json").read_text())
        for seed in (0, 1)
    ]

    for protocol in ("last", "best"):
        for metric in ("top1", "ece"):
            line = table.loc[("mislas", metric, protocol)]
            values = [100 * score[protocol][metric] for score in scores]
            assert line["ours"] == pytest.approx(sum(values) / 2, abs=1e-6)
            assert line["n"] == 2
        assert table.loc[("mislas", "ece", protocol)]["printed"] == 3.7
        assert (
            table.loc[("oltr", "top1", protocol)]["needs"] == "modulated attention and the meta-embedding classifier"
        )
        assert table.loc[("oltr", "top1", protocol)]["n"] == 0
    assert scores[0]["last"] != scores[1]["last"]


def test_titles_and_labels_are_those_of_the_layout(project: Path) -> None:
    tables, figures = project / "results/tables", project / "results/figures"

    page = (tables / "tiny_table.md").read_text()
    assert r"# Two methods that run \| one that does not, for Ba\$\$in & co" in page
    assert page.count(r"| MiSLAS \| \$1\_ & \$2 \<长尾\> |") == 2
    assert (
        r"MiSLAS \textbar{} \$1\_ \& \$2 \textless{}长尾\textgreater{} &" in (tables / "tiny_table.tex").read_text()
    )
    assert "MiSLAS | $1_ &amp; $2 &lt;长尾&gt;" in (tables / "tiny_table.html").read_text()
    for form in ("panels", "overlay"):
        drawn = (figures / f"tiny_reliability_{form}.svg").read_text()
        assert "<!-- Ba$$in &amp; Coins $1_ &amp; $2, two methods -->" in " ".join(drawn.split())


def test_a_second_run_has_nothing_to_do(project: Path) -> None:
    before = contents(project / "results")

    code, output = snakemake(project, *TINY, project=project)

    assert code == 0
    assert "Nothing to be done" in output
    assert contents(project / "results") == before


def test_progress_counts_what_snakemake_would_do(project: Path) -> None:
    loss = project / "lib" / "longtail" / "losses" / "label_aware_smoothing.py"
    assert overview(project, "progress", *TINY, project=project).startswith("22 of 22 jobs done\n")

    with edited(loss, edit=lambda text: text.replace("taken * rest", "rest * taken")):
        said = overview(project, "progress", *TINY, project=project)
        again, _ = redone(project)

    left = sum(again.values()) - again["all"]
    assert left == 7
    assert said.startswith(f"{22 - left} of 22 jobs done\n")
    # Every job has been timed: Snakemake's records of them were found.
    assert re.search(r"^About \d+ (s|min) left for all that is not done, 2 side by side\.$", said, re.MULTILINE)
    assert "Jobs not yet timed" not in said


def test_another_checkout_gives_the_same_bytes(project: Path, finished: Path, tmp_path: Path) -> None:
    """`finished` was made by this checkout, under the first of the two seeds."""
    copy = shutil.copytree(project, tmp_path / "copy")
    code, output = snakemake(smallest(copy), "tables", "--configfile", "mine.yaml", project=copy)
    assert (code, jobs(output)) == (0, {"make_table": 1, "tables": 1}), output

    ours, theirs = contents(copy / "results"), contents(finished / "results")
    compared = [path for path in theirs if path.endswith(("metrics.json", "subset.json", ".csv"))]
    assert len([path for path in compared if "history" not in path]) == 2 + 1 + 1
    assert {path: ours[path] for path in compared} == {path: theirs[path] for path in compared}
    for form in ("md", "tex", "html"):
        page, other = (folder / f"results/tables/tiny_table.{form}" for folder in (copy, finished))
        assert without_commit(page) == without_commit(other)


def without_commit(page: Path) -> str:
    """The text of a page, of which this checkout alone has a commit to name."""
    return re.sub(r"Commit: [\w-]+", "Commit", page.read_text())


def test_touching_code_redoes_nothing(project: Path) -> None:
    for part in ("lib", "rules", "workflow_scripts", "config", "Snakefile"):
        for path in [project / part, *(project / part).rglob("*")]:
            os.utime(path)

    assert redone(project)[0] == {}


def test_a_comment_redoes_nothing(project: Path) -> None:
    package = project / "lib" / "longtail"
    paths = [
        package / "stage1" / "train.py",
        package / "losses" / "label_aware_smoothing.py",
        package / "evaluate" / "score.py",
        project / "workflow_scripts" / "train_stage2.py",
    ]

    with edited(*paths, edit=lambda text: f"# A remark.\n{text}\n\n# Another.\n"):
        assert redone(project)[0] == {}


def test_a_change_of_a_loss_redoes_the_methods_that_use_it(project: Path) -> None:
    loss = project / "lib" / "longtail" / "losses" / "label_aware_smoothing.py"

    with edited(loss, edit=lambda text: text.replace("taken * rest", "rest * taken")):
        again, output = redone(project)

    assert again == {
        "train_stage2": 2,  # mislas under two seeds, and no Stage 1
        "evaluate": 2,
        "make_table": 1,
        "draw_reliability_overview": 1,
        "draw_comparison": 1,
        "all": 1,
    }
    assert sorted(re.findall(r"(?:Stage 2: train|Evaluate) (\w+) on", output)) == ["mislas"] * 4


def test_a_change_of_scoring_trains_nothing(project: Path) -> None:
    score = project / "lib" / "longtail" / "evaluate" / "score.py"

    with edited(score, edit=lambda text: f"{text}\n\nCHANGED = True\n"):
        again, _ = redone(project)

    assert {"train_stage1", "extract_features", "train_stage2"} & set(again) == set()
    assert (again["evaluate"], again["make_table"]) == (4, 1)


def test_the_report_is_one_page_with_tables_and_figures(project: Path) -> None:
    code, output = snakemake(project, "--report", "report.html", *TINY, project=project)

    assert code == 0, output
    page = (project / "report.html").read_text()
    assert "results/tables/tiny_table.html" in page
    assert "tiny_reliability_panels.svg" in page
