"""Graphs are made in an empty folder: what a person has trained in this checkout must not be found."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test of this package begins in a folder without results."""
    monkeypatch.chdir(tmp_path)
