"""docs/add-a-method.md, followed to the letter in a copy of the project."""

import re

import pandas as pd
import pytest
from tests.workflow.page import Followed, follow

from longtail.runtime.fingerprint import ROOT

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "add-a-method.md"
LOSS, METHOD, CONFIG = "lib/longtail/losses/cdt.py", "config/methods/cdt.yaml", "mine.yaml"
TYPO = "snakemake -n --configfile typo.yaml"


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """A copy of the project in which everything of the page was done."""
    return follow(PAGE, tmp_path_factory.mktemp("reader") / "longtail")


def test_the_commands_end_well_but_for_the_one_with_the_mistake(followed: Followed) -> None:
    assert len(followed.commands) == 6
    for command, done in followed.commands.items():
        assert (done.code == 0) == (command != TYPO), f"{command}\n{done.output}"
    assert "2 passed" in followed.commands["python -m pytest tests/losses/test_cdt.py -q"].output


def test_one_yaml_and_one_short_file_in_the_house_style(followed: Followed) -> None:
    assert {METHOD, LOSS, CONFIG} <= followed.files.keys()
    assert len(followed.files[LOSS].splitlines()) <= 40
    followed.assert_house_style()


def test_the_table_has_a_number_for_both_methods(followed: Followed) -> None:
    table = pd.read_csv(followed.folder / "results/tables/mine_table.csv")

    assert set(table["method"]) == {"ce", "cdt"}
    assert set(table["metric"]) == {"top1", "ece"}
    assert set(table["protocol"]) == {"last", "best"}
    assert len(table) == 8
    assert table["ours"].between(0, 100).all(), table
    assert (table["n"] == 1).all()
    by_method = table.set_index(["metric", "protocol", "method"])["ours"].unstack()
    assert not by_method["ce"].equals(by_method["cdt"])


def test_the_files_that_the_page_names_are_there(followed: Followed) -> None:
    named = re.findall(r"`(results/[^`]+|docs/methods/[^`]+)`", PAGE.read_text())

    assert "docs/methods/cdt.md" in named
    for path in named:
        assert (followed.folder / path).is_file(), path
    for form in ("csv", "tex", "html"):
        assert (followed.folder / f"results/tables/mine_table.{form}").is_file()
    page = (followed.folder / "docs/methods/cdt.md").read_text()
    assert page.startswith("# CDT\n")
    assert "| `gamma` | `0.2` |" in page


def test_nothing_that_exists_was_edited_by_hand(followed: Followed) -> None:
    status = followed.commands["git status --short"]

    assert sorted(status.output.splitlines()) == sorted(status.shown.splitlines())
    new = {line[3:] for line in status.output.splitlines() if line.startswith("??")}
    assert new == {*followed.files, "docs/methods/cdt.md"}
    changed = followed.changed_lines("config/README.md", "docs/methods.md")
    assert [line[0] for line in changed] == ["+", "+"], changed
    assert all("cdt" in line for line in changed), changed


def test_the_misspelling_gives_the_sentence_shown(followed: Followed) -> None:
    done = followed.commands[TYPO]

    assert done.shown.strip() in done.output.splitlines(), done.output
    assert "Traceback" not in done.output
