"""Jobs trained by one process, by the real command: their results are those of jobs that train by themselves."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.workflow.command import contents, smallest, snakemake, start
from tests.workflow.test_stops import interruptible

pytestmark = pytest.mark.slow

SEEDS = ("seed0", "seed1")
OWN = {
    "seeds": {"runs": [0, 1]},
    "recipes": {"digits-S1": {"epochs": 30, "evaluate": {"every": 10, "each_from": 30}}},
}
RUN = "runs/digits/if50/resnet32/ce"
LAST = [f"results/{RUN}/{seed}/stage1/last.pt" for seed in SEEDS]
MADE = (*LAST, "--configfile", "mine.yaml")
LONG = 240.0


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Hashes of what both trainings write when each trains by itself."""
    folder = smallest(tmp_path_factory.mktemp("alone"), **OWN)
    code, output = snakemake(folder, *MADE)
    assert code == 0, output
    assert not process_of(folder, SEEDS[0])
    return written(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return smallest(tmp_path, **OWN, compute={"device": "cpu", "one_process": True})


def written(folder: Path) -> dict[str, str]:
    """Hashes of networks and histories; what is left says how long it took."""
    found = contents(folder / "results" / RUN)
    return {name: value for name, value in found.items() if name.endswith((".pt", ".csv"))}


def log_of(folder: Path, seed: str) -> str:
    path = folder / f"results/logs/{RUN}/{seed}/train_stage1.log"
    return path.read_text() if path.is_file() else ""


def process_of(folder: Path, seed: str) -> int:
    """The process that trains for a job, as its log says; 0 where the job trains by itself."""
    found = re.search(r"trained by process (\d+), which trains for several jobs", log_of(folder, seed))
    return int(found[1]) if found else 0


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)


@contextlib.contextmanager
def running(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, once both trainings have saved their state."""
    states = [folder / path.replace("last.pt", "resume.pt") for path in LAST]
    before = [path.stat().st_mtime_ns if path.exists() else 0 for path in states]
    process = start(folder, *MADE, *arguments, before=interruptible)
    try:
        until(
            lambda: all(
                path.exists() and path.stat().st_mtime_ns > old for path, old in zip(states, before, strict=True)
            )
        )
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_killed_job_is_retried_beside_the_other(folder: Path, alone: dict[str, str]) -> None:
    with running(folder) as process:
        trainer = process_of(folder, SEEDS[0])
        assert trainer == process_of(folder, SEEDS[1]) != 0
        progress = json.loads((folder / LAST[0]).with_name("progress.json").read_text())
        os.kill(progress["pid"], signal.SIGKILL)
        output, _ = process.communicate(timeout=LONG)
    assert process.returncode == 0, output
    assert "Trying to restart job" in output
    assert "going on after" in log_of(folder, SEEDS[0])
    assert "going on after" not in log_of(folder, SEEDS[1])
    assert process_of(folder, SEEDS[0]) == trainer
    assert written(folder) == alone
    # It ends with Snakemake.
    until(lambda: not Path(f"/proc/{trainer}").exists())


def test_a_killed_process_and_ctrl_c_lose_nothing(folder: Path, alone: dict[str, str]) -> None:
    with running(folder, "--retries", "0") as process:
        os.kill(process_of(folder, SEEDS[0]), signal.SIGKILL)
        process.communicate(timeout=LONG)
    assert process.returncode == 1
    for seed in SEEDS:
        assert log_of(folder, seed).endswith(
            "the process that trains for several jobs was killed (out of memory?): "
            "Snakemake starts this job again, and it resumes\n"
        )

    with running(folder) as process:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=LONG)
    assert process.returncode == 130
    for seed in SEEDS:
        assert re.search(r"stopped by SIG\w+ in epoch \d+ after step \d+: saved", log_of(folder, seed))

    code, output = snakemake(folder, *MADE)
    assert code == 0, output
    assert all("going on after" in log_of(folder, seed) for seed in SEEDS)
    assert written(folder) == alone
