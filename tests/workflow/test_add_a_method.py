"""docs/add-a-method.md, followed to the letter in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from longtail.runtime.fingerprint import ROOT

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "add-a-method.md"
NAMED, FENCED = r"(?:^`(?P<file>[^`\n]+)`:\n\n)?", r"^```(?P<language>\w+)\n(?P<text>.*?)^```$"
BLOCK = re.compile(NAMED + FENCED, re.MULTILINE | re.DOTALL)
GIT = ("git", "-c", "user.name=reader", "-c", "user.email=reader@example.org", "-c", "commit.gpgsign=false")
LOSS, METHOD, CONFIG = "lib/longtail/losses/cdt.py", "config/methods/cdt.yaml", "mine.yaml"
TYPO = "snakemake -n --configfile typo.yaml"


@dataclass
class Done:
    """A command of the page: what came of it, and what the page shows of its output."""

    code: int
    output: str
    shown: str = ""


@dataclass
class Followed:
    """A copy of the project in which everything of the page was done, in its order."""

    folder: Path
    files: dict[str, str] = field(default_factory=dict)
    commands: dict[str, Done] = field(default_factory=dict)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """Files are written as printed, commands run as printed with this Python's environment first on the path."""
    done = Followed(_clone(tmp_path_factory.mktemp("reader") / "longtail"))
    last = None
    for block in BLOCK.finditer(PAGE.read_text()):
        file, language, text = block["file"], block["language"], block["text"]
        if file:
            assert not (done.folder / file).exists(), f"the page writes over {file}"
            done.files[file] = text
            (done.folder / file).write_text(text)
        elif language == "sh":
            last = done.commands[text.strip()] = _run(done.folder, text)
        else:
            assert language == "text", f"neither a file with its name above it, nor a command:\n{text}"
            assert last is not None, f"output of no command:\n{text}"
            last.shown = text
    return done


def test_the_commands_end_well_but_for_the_one_with_the_mistake(followed: Followed) -> None:
    assert len(followed.commands) == 6
    for command, done in followed.commands.items():
        assert (done.code == 0) == (command != TYPO), f"{command}\n{done.output}"
    assert "2 passed" in followed.commands["python -m pytest tests/losses/test_cdt.py -q"].output


def test_one_yaml_and_one_short_file_in_the_house_style(followed: Followed) -> None:
    assert {METHOD, LOSS, CONFIG} <= followed.files.keys()
    assert len(followed.files[LOSS].splitlines()) <= 40
    scripts = [file for file in followed.files if file.endswith(".py")]
    for check in (["check"], ["format", "--check"]):
        ruff = subprocess.run(
            [sys.executable, "-m", "ruff", *check, *scripts], cwd=followed.folder, capture_output=True, text=True
        )
        assert ruff.returncode == 0, ruff.stdout + ruff.stderr


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
    diff = _run(followed.folder, "git diff --unified=0 -- config/README.md docs/methods.md").output
    changed = [line for line in diff.splitlines() if re.match(r"[+-](?![+-]{2})", line)]
    assert [line[0] for line in changed] == ["+", "+"], diff
    assert all("cdt" in line for line in changed), diff


def test_the_misspelling_gives_the_sentence_shown(followed: Followed) -> None:
    done = followed.commands[TYPO]

    assert done.shown.strip() in done.output.splitlines(), done.output
    assert "Traceback" not in done.output


def _clone(folder: Path) -> Path:
    """A repository of its own with what git keeps of the project, as it stands here."""
    if not (ROOT / ".git").exists():
        pytest.skip("the project is no git repository here")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--no-verify", "-m", "a copy"]):
        subprocess.run([*GIT, *arguments], cwd=folder, check=True, capture_output=True)
    return folder


def _run(folder: Path, command: str) -> Done:
    # No profile of the person who tests, and the copy's library in place of this project's, as after `make setup`
    # in the copy.
    environment = {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}
    environment["PYTHONPATH"] = str(folder / "lib")
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    ran = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Done(ran.returncode, ran.stdout)
