"""A page of the documentation, followed to the letter in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from longtail.runtime.fingerprint import ROOT

NAMED, FENCED = r"(?:^`(?P<file>[^`\n]+)`:\n\n)?", r"^```(?P<language>\w+)\n(?P<text>.*?)^```$"
BLOCK = re.compile(NAMED + FENCED, re.MULTILINE | re.DOTALL)
GIT = ("git", "-c", "user.name=reader", "-c", "user.email=reader@example.org", "-c", "commit.gpgsign=false")


@dataclass
class Done:
    """A command of the page: what came of it, and what the page shows of its output."""

    code: int
    output: str
    shown: str = ""


@dataclass
class Followed:
    """A copy of the project in which everything of a page was done, in its order."""

    folder: Path
    files: dict[str, str] = field(default_factory=dict)
    commands: dict[str, Done] = field(default_factory=dict)

    def assert_house_style(self) -> None:
        """The Python files of the page pass the checks of the project."""
        scripts = [file for file in self.files if file.endswith(".py")]
        for check in (["check"], ["format", "--check"]):
            ruff = subprocess.run(
                [sys.executable, "-m", "ruff", *check, *scripts], cwd=self.folder, capture_output=True, text=True
            )
            assert ruff.returncode == 0, ruff.stdout + ruff.stderr

    def changed_lines(self, *files: str) -> list[str]:
        """Lines that were added (+) or removed (-) in files that were there before."""
        diff = run(self.folder, f"git diff --unified=0 -- {' '.join(files)}").output
        return [line for line in diff.splitlines() if re.match(r"[+-](?![+-]{2})", line)]


def follow(page: Path, folder: Path) -> Followed:
    """Files are written as printed, commands run as printed with this Python's environment first on the path."""
    done = Followed(_clone(folder))
    last = None
    for block in BLOCK.finditer(page.read_text()):
        file, language, text = block["file"], block["language"], block["text"]
        if file:
            assert not (done.folder / file).exists(), f"the page writes over {file}"
            done.files[file] = text
            (done.folder / file).write_text(text)
        elif language == "sh":
            last = done.commands[text.strip()] = run(done.folder, text)
        else:
            assert language == "text", f"neither a file with its name above it, nor a command:\n{text}"
            assert last is not None, f"output of no command:\n{text}"
            last.shown = text
    return done


def run(folder: Path, command: str) -> Done:
    """What comes of a command in a copy."""
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
