"""How a run ends before its time, by the real command: what a person sees, what is kept, and what goes on from it."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.workflow.command import ROOT, checkout, sha256, smallest, snakemake, start

pytestmark = pytest.mark.slow

LONGER = {"digits-S1": {"epochs": 30, "evaluate": {"every": 10, "each_from": 30}}}
STAGE1 = "results/runs/digits/if50/resnet32/ce/seed0/stage1"
LAST, MADE = f"{STAGE1}/last.pt", (f"{STAGE1}/last.pt", "--configfile", "mine.yaml")
LOG = "results/logs/runs/digits/if50/resnet32/ce/seed0/train_stage1.log"
LONG = 240.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return smallest(tmp_path, recipes=LONGER)


def interruptible() -> None:
    """A group of its own, as in a terminal, where Ctrl-C is not ignored as it is in the background."""
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def until_epoch(folder: Path, number: int) -> None:
    end = time.monotonic() + LONG
    while f"epoch {number}/" not in ((folder / LOG).read_text() if (folder / LOG).is_file() else ""):
        assert time.monotonic() < end, "no such epoch in time"
        time.sleep(0.1)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = start(folder, *MADE, before=interruptible)
    try:
        until_epoch(folder, 2)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_ctrl_c_reads_like_a_stop_and_loses_nothing(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(folder) as process:
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=LONG)

    assert process.returncode == 130
    stopping, stopped = output.splitlines()[-2:]
    assert stopping.startswith("Stopping: running jobs save their state")
    assert stopped.startswith("Stopped. Finished jobs are kept, and trainings resume from their last save")
    for crash in ("Traceback", "lost sys.stderr", "At least one job", "event loop", "Error in rule"):
        assert crash not in output

    code, output = snakemake(folder, *MADE)
    assert code == 0, output
    assert re.search(r"going on after epoch \d+", (folder / LOG).read_text())

    whole = smallest(tmp_path_factory.mktemp("whole"), recipes=LONGER)
    assert snakemake(whole, *MADE)[0] == 0
    assert sha256(folder / LAST) == sha256(whole / LAST)


def test_a_lock_that_a_kill_left_behind_is_explained_and_taken_away(tmp_path: Path) -> None:
    project = checkout(tmp_path / "project")
    shutil.copy(ROOT / "Makefile", project)
    smallest(project, recipes=LONGER)
    process = start(project, *MADE, project=project, before=interruptible)
    until_epoch(project, 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    code, output = make(project, "all", "CORES=2 --configfile mine.yaml")
    assert code != 0
    last = output.strip().splitlines()[-2]  # before make's own line
    assert last.startswith(
        "Another run is active in this folder, or one was killed. If it was killed: make unlock,"
    ), output
    assert make(project, "unlock")[0] == 0
    code, output = make(project, "all", "CORES=2 --configfile mine.yaml --dry-run")
    assert "make unlock" not in output, output


def make(project: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of make with this environment's Snakemake, as called from a shell.

    `make test` leaves variables behind with which the make below would call itself make[1] and say
    which folder it enters and leaves.
    """
    from_make = {"MAKELEVEL", "MAKEFLAGS", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in from_make}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = ["make", "RUN=", "UV=/bin/true", *arguments]
    done = subprocess.run(
        command,
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
