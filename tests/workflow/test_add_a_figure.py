"""docs/add-a-figure.md, followed to the letter in a copy of the project."""

import re

import pytest
from tests.workflow.command import jobs
from tests.workflow.page import Followed, follow

from longtail.runtime.fingerprint import ROOT

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "add-a-figure.md"
KIND = "lib/longtail/report/figures/ranking.py"
TYPO = "snakemake -n --configfile mine.yaml --config figures='[typo.yaml]'"


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """A copy of the project in which everything of the page was done."""
    return follow(PAGE, tmp_path_factory.mktemp("reader") / "longtail")


def test_the_commands_end_well_but_for_the_one_with_the_mistake(followed: Followed) -> None:
    assert len(followed.commands) == 5
    for command, done in followed.commands.items():
        assert (done.code == 0) == (command != TYPO), f"{command}\n{done.output}"


def test_one_short_file_in_the_house_style(followed: Followed) -> None:
    assert len(followed.files[KIND].splitlines()) <= 80
    followed.assert_house_style()


def test_one_job_draws_the_figure_that_the_page_names(followed: Followed) -> None:
    done = jobs(followed.commands["snakemake --cores all --configfile mine.yaml"].output)
    named = re.findall(r"`(results/figures/ranking/[^`]+)`", PAGE.read_text())

    assert {rule: number for rule, number in done.items() if rule in ("draw_ranking", "evaluate")} == {
        "draw_ranking": 1,
        "evaluate": 3,
    }
    assert len(named) == 2
    for path in named:
        assert (followed.folder / path).stat().st_size > 5_000


def test_nothing_that_exists_was_edited_by_hand(followed: Followed) -> None:
    status = followed.commands["git status --short"]

    assert sorted(status.output.splitlines()) == sorted(status.shown.splitlines())
    assert {line[3:] for line in status.output.splitlines() if line.startswith("??")} == {*followed.files}
    changed = followed.changed_lines("config/README.md")
    assert [line.split("`")[:4] for line in changed] == [
        ["+| ", "ranking", " | ", "methods"],
        ["+| ", "ranking", " | ", "metric"],
    ]


def test_the_misspelling_gives_the_sentence_shown(followed: Followed) -> None:
    done = followed.commands[TYPO]

    assert done.shown.strip() in done.output.splitlines(), done.output
    assert "Traceback" not in done.output


def test_every_constant_and_function_of_the_last_table_is_used_by_some_kind() -> None:
    kinds = "\n".join(path.read_text() for path in (ROOT / KIND).parent.glob("*.py"))

    for named in re.findall(r"^\| `(\w+)", PAGE.read_text(), re.MULTILINE):
        assert re.search(rf"^(def )?{named}\b", kinds, re.MULTILINE), named
