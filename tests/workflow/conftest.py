"""A whole run that several tests read."""

import fcntl
import os
from pathlib import Path

import pytest
from tests.workflow.command import smallest, snakemake

from longtail.runtime import forks


@pytest.fixture(scope="session", autouse=True)
def shared_servers() -> None:
    """The jobs of all runs are forks of the same servers."""
    forks.allow()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every job of `smallest` has run: tests read and copy it, and change nothing in it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # The folder of all workers: the first one that asks makes the run.
        folder = folder.parent
    with (folder / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run, is_whole = folder / "finished", folder / "finished.whole"
        if not is_whole.exists():
            code, output = snakemake(smallest(run), "--configfile", "mine.yaml")
            assert code == 0, output
            is_whole.touch()
    return run
