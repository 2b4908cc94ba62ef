"""docs/your-own-data.md, followed to the letter in a copy of the project."""

import re

import pandas as pd
import pytest
from tests.workflow.page import Followed, follow

from longtail.runtime.fingerprint import ROOT

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "your-own-data.md"
MISTAKE = "snakemake -n --configfile mail.yaml mixed.yaml"


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """Everything that the page says, done."""
    return follow(PAGE, tmp_path_factory.mktemp("owner") / "longtail")


def test_the_commands_end_well_but_for_the_one_with_a_mistake(followed: Followed) -> None:
    assert len(followed.commands) == 8
    for command, done in followed.commands.items():
        assert (done.code == 0) == (command != MISTAKE), f"{command}\n{done.output}"


def test_each_line_that_the_page_shows_is_printed(followed: Followed) -> None:
    shown = [(done, line) for done in followed.commands.values() for line in done.shown.splitlines() if line]
    assert len(shown) == 15
    for done, line in shown:
        pattern = ".*".join(map(re.escape, line.strip().split("…")))
        assert any(re.fullmatch(pattern, printed.strip()) for printed in done.output.splitlines()), line


def test_the_plan_shows_schedule_and_time(followed: Followed) -> None:
    plan = followed.commands["make plan CONFIG=videos.yaml"].output

    assert "Schedule of videos, about 4,000 steps (its key 'steps'): MiSLAS-S1 for" in plan
    assert re.search(r"videos_table +6 / 6 .* ~?\d", plan), plan


def test_the_table_has_a_number_for_each_method(followed: Followed) -> None:
    table = pd.read_csv(followed.folder / "results/tables/videos_table.csv")

    # No digit has so few training images that it counts as few.
    assert table[table["metric"] != "few"]["ours"].notna().all()
    for path in re.findall(r"`(results/[^`]+)`", PAGE.read_text()):
        assert (followed.folder / path).is_file(), path
