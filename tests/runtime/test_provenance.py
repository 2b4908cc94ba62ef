import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest

from longtail.runtime import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of one committed file and a published one, in the place of the project's."""
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    author = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    (tmp_path / "a.py").write_text("A = 1\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "table.md").write_text("of before")
    for command in (["init", "-q"], ["add", "a.py", "results"], [*author, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    return tmp_path


def test_commit_of_a_clean_and_a_changed_checkout(checkout: Any) -> None:
    head = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert provenance.commit.__wrapped__() == head.stdout[:12]
    (checkout / "results.txt").write_text("not tracked")
    (checkout / "results" / "table.md").write_text("made of the rest, and tracked")
    assert provenance.commit.__wrapped__() == head.stdout[:12]
    (checkout / "a.py").write_text("A = 2\n")
    assert provenance.commit.__wrapped__() == head.stdout[:12] + "-dirty"


def test_commit_outside_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert provenance.commit.__wrapped__() == "unknown"


def test_versions_of_what_numbers_depend_on() -> None:
    found = provenance.versions()
    assert found["python"] == platform.python_version()
    for package in ("torch", "numpy"):
        assert found[package] == importlib.metadata.version(package)


def test_package_that_is_not_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package-at-all"))
    assert set(provenance.versions()) == {"python", "numpy"}


def test_processor_and_its_cores_are_named() -> None:
    name, cores = provenance.processor().rsplit(", ", 1)
    assert name
    assert int(cores.removesuffix(" cores")) >= 1
    assert provenance.machine().keys() == {"commit", "versions", "processor"}
