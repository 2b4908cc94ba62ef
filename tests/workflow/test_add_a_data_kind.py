"""docs/add-a-data-kind.md, followed to the letter in a copy of the project."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from tests.workflow.page import Followed, follow, run

from longtail.data import arrays
from longtail.data.forms.images import Arrays
from longtail.runtime.fingerprint import ROOT

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "add-a-data-kind.md"
SOURCE = "lib/longtail/data/sources/csv_images.py"
MISTAKES = [f"snakemake -n --configfile mine.yaml {name}.yaml" for name in ("open", "gone", "other")]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """Everything that the page says, done."""
    return follow(PAGE, tmp_path_factory.mktemp("reader") / "longtail")


def test_the_commands_end_well_but_for_those_with_a_mistake(followed: Followed) -> None:
    assert len(followed.commands) == 9
    for command, done in followed.commands.items():
        assert (done.code == 0) == (command not in MISTAKES), f"{command}\n{done.output}"
    assert "6 passed" in followed.commands["python -m pytest tests/data/sources/test_csv_images.py -q"].output


def test_the_source_is_one_short_file_in_the_house_style(followed: Followed) -> None:
    library = [file for file in followed.files if file.startswith("lib/")]

    assert library == [SOURCE]
    assert len(followed.files[SOURCE].splitlines()) <= 75
    followed.assert_house_style()


def test_images_are_those_of_the_files_and_the_table_has_its_numbers(followed: Followed) -> None:
    digits, found = load_digits(), arrays.load(followed.folder / "results/data/my_digits/arrays.npz")

    assert isinstance(found, Arrays)
    images = np.concatenate([found.train_images, found.test_images])[..., 0]
    assert (images == np.round(digits.images * (255 / 16))).all()
    assert (np.concatenate([found.train_labels, found.test_labels]) == digits.target).all()
    table = pd.read_csv(followed.folder / "results/tables/mine_table.csv")
    assert table["ours"].between(0, 100).all(), table
    for path in re.findall(r"`(results/[^`]+)`", PAGE.read_text()):
        assert (followed.folder / path).is_file(), path


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_gives_the_sentence_shown(followed: Followed, command: str) -> None:
    done = followed.commands[command]
    sentence = ".*".join(map(re.escape, done.shown.strip().split("…")))

    assert any(re.fullmatch(sentence, line) for line in done.output.splitlines()), done.output
    assert "Traceback" not in done.output


def test_nothing_that_exists_was_edited_by_hand(followed: Followed) -> None:
    status = followed.commands["git status --short"]

    assert sorted(status.output.splitlines()) == sorted(status.shown.splitlines())
    changed = followed.changed_lines("config/README.md")
    assert [line.split("|")[2].strip() for line in changed] == ["`train_file`", "`test_file`", "`inverted`"]
    assert all(line.startswith("+| `csv_images` |") for line in changed), changed


def test_a_moved_file_changes_nothing_and_new_content_is_read_again(followed: Followed) -> None:
    moved = "datasets={my_digits: {test_file: moved.csv}}"
    dry = f"cp my_test.csv moved.csv; snakemake -n --configfile mine.yaml --config '{moved}'"
    assert "Nothing to be done" in run(followed.folder, dry).output

    changed = run(followed.folder, f"sed -i 1d moved.csv; {dry.split('; ')[1]}")
    assert "build_arrays" in changed.output, changed.output
