"""Trainings that are killed, asked to stop, and started twice. LONGTAIL_KILLS=20 kills as often as that."""

import os
import random
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.workflow.command import ROOT, contents, snakemake, start

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("LONGTAIL_KILLS", "2"))
CONFIG = ("--configfile", "interrupted.yaml", "--retries", str(max(2, KILLS)))
# One Stage 1 of seconds, longer the more often it is to be killed.
EPOCHS = 20 * max(2, KILLS)
RECIPE = (
    f"{{epochs: {EPOCHS}, schedule: {{warmup: 1, milestones: []}}, evaluate: {{every: 10, each_from: {EPOCHS}}}}}"
)
TEXT = f"""
tables: [tests/workflow/tiny_table.yaml]
figures: []
seeds: {{runs: [0]}}
compute: {{device: cpu}}
recipes: {{digits-S1: {RECIPE}}}
"""
STAGE1 = "results/runs/digits/if50/resnet32/mixup/seed0/stage1"
LOG = Path("results/logs/runs/digits/if50/resnet32/mixup/seed0/train_stage1.log")


def trained(directory: Path) -> dict[str, str]:
    """Hashes of a training's outputs, of those that are the same whenever and wherever they are made."""
    found = contents(directory / STAGE1)
    assert found.pop("provenance.json")
    return found


def link(directory: Path) -> Path:
    """A folder to run in, with the config and the table that it names."""
    directory.mkdir()
    (directory / "tests").symlink_to(ROOT / "tests")
    (directory / "interrupted.yaml").write_text(TEXT)
    return directory


def training(directory: Path, within: float = 60) -> int | None:
    """The process of the training that runs in a directory, as soon as there is one."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().split(b"\0")
                if (process / "cwd").readlink() == directory and any(b"train_stage1.py" in part for part in command):
                    return int(process.name)
            except OSError:
                continue
        time.sleep(0.05)
    return None


def epoch(directory: Path) -> int:
    """The last epoch that the log of the training names."""
    log = (directory / LOG).read_text() if (directory / LOG).exists() else ""
    return max(map(int, re.findall(r"epoch (\d+)/", log)), default=0)


@dataclass(frozen=True)
class Whole:
    """A training that nobody disturbed: what it made, and how long it took on this machine."""

    contents: dict[str, str]
    # Seconds before its first epoch, and from there to its end.
    starting: float
    epochs: float


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    directory = link(tmp_path_factory.mktemp("whole") / "run")
    running = start(directory, f"{STAGE1}/last.pt", *CONFIG)
    process = training(directory)
    assert process is not None
    began = time.monotonic()
    while not (directory / LOG).exists() or "epoch 1/" not in (directory / LOG).read_text():
        time.sleep(0.05)
    first = time.monotonic()
    while training(directory, within=0.1) == process:
        time.sleep(0.05)
    ended = time.monotonic()
    output, _ = running.communicate()
    assert running.returncode == 0, output
    assert set(trained(directory)) == {"last.pt", "best.pt", "history.csv"}
    return Whole(trained(directory), first - began, ended - first)


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds the training through /proc")
@pytest.mark.timeout(600 + 60 * KILLS)
def test_training_killed_at_random_moments_ends_with_the_same_bytes(tmp_path: Path, whole: Whole) -> None:
    directory = link(tmp_path / "run")
    moments = random.Random(KILLS)
    running = start(directory, f"{STAGE1}/last.pt", *CONFIG)
    delivered = 0
    while delivered < KILLS and (process := training(directory)) is not None:
        # From before the first import to after many a saved state, but never so late that no epoch is left to kill,
        # however much faster the machine has become since it was measured.
        moment = time.monotonic() + moments.uniform(0, whole.starting + whole.epochs / (KILLS + 1))
        latest = EPOCHS * (delivered + 1) // (KILLS + 1)
        while time.monotonic() < moment and epoch(directory) < latest:
            time.sleep(0.05)
        if training(directory, within=0.1) == process:
            os.kill(process, signal.SIGKILL)
            delivered += 1
    output, _ = running.communicate()
    assert running.returncode == 0, output
    assert trained(directory) == whole.contents
    assert output.count("Trying to restart job") == delivered == KILLS


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds the training through /proc")
def test_a_training_that_is_asked_to_stop_saves_and_the_next_attempt_resumes(tmp_path: Path, whole: Whole) -> None:
    directory = link(tmp_path / "run")
    running = start(directory, f"{STAGE1}/last.pt", *CONFIG)
    process = training(directory)
    assert process is not None
    while not (directory / LOG).exists() or "epoch 2/" not in (directory / LOG).read_text():
        time.sleep(0.05)
    os.kill(process, signal.SIGTERM)
    output, _ = running.communicate()
    assert running.returncode == 0, output
    assert "stopped by SIGTERM in epoch" in output
    assert "going on after epoch" in (directory / LOG).read_text()
    assert trained(directory) == whole.contents


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds the training through /proc")
def test_second_snakemake_says_so_and_spoils_nothing(tmp_path: Path, whole: Whole) -> None:
    directory = link(tmp_path / "run")
    first = start(directory, f"{STAGE1}/last.pt", *CONFIG)
    assert training(directory) is not None
    code, output = snakemake(directory, f"{STAGE1}/last.pt", *CONFIG)
    assert code != 0
    assert "cannot be locked" in output
    output, _ = first.communicate()
    assert first.returncode == 0, output
    assert trained(directory) == whole.contents
