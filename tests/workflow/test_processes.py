"""One training by two processes, by the real command: what it gives, and what becomes of it when they are ended."""

import csv
import os
import signal
import time
from pathlib import Path

import pytest
from tests.workflow.command import ROOT, snakemake, start

pytestmark = pytest.mark.slow

STAGE1 = Path("results/runs/digits/if50/resnet32/mixup/seed0/stage1")
LOG = Path("results/logs/runs/digits/if50/resnet32/mixup/seed0/train_stage1.log")
# Few and short steps, so that a last digit has no time to grow, on processors without AVX-512 either.
RECIPE = "epochs: {}, batch_size: 128, learning_rate: 0.001, schedule: {{warmup: 1, milestones: []}}"
CONFIG = """
tables: [tests/workflow/tiny_table.yaml]
figures: []
seeds: {{runs: [0]}}
compute: {{device: cpu, precision: float32, processes: {processes}}}
recipes: {{digits-S1: {{{recipe}}}}}
"""
WITHIN = 300


def arguments(directory: Path, processes: int, epochs: int) -> list[str]:
    """Those of a Stage 1 on the digits, in a folder made for it."""
    directory.mkdir()
    (directory / "tests").symlink_to(ROOT / "tests")
    (directory / "own.yaml").write_text(CONFIG.format(processes=processes, recipe=RECIPE.format(epochs)))
    return [str(STAGE1 / "last.pt"), "--configfile", "own.yaml", "--retries", "2"]


def history(directory: Path) -> list[dict[str, float]]:
    rows = csv.DictReader((directory / STAGE1 / "history.csv").read_text().splitlines())
    return [{name: float(value) for name, value in row.items() if value} for row in rows]


def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    found = []
    for processes in (1, 2):
        directory = tmp_path / str(processes)
        code, output = snakemake(directory, *arguments(directory, processes, 2))
        assert code == 0, output
        assert "Trying to restart" not in output
        found.append(history(directory))
    one, two = found
    assert len(one) == 2
    for alone, together in zip(one, two, strict=True):
        assert together["loss"] == pytest.approx(alone["loss"], rel=1e-3)
        assert together["learning_rate"] == alone["learning_rate"]


def of(directory: Path) -> list[int]:
    """The processes of the training that runs in a directory: the one that Snakemake started, then the other."""
    firsts, others = [], []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if (process / "cwd").readlink() == directory:
                if b"/bin/python\0" in command and b"train_stage1.py" in command:
                    firsts.append(int(process.name))
                elif b"children.serve" in command:
                    others.append(int(process.name))
        except OSError:
            continue
    return [*firsts, *others]


def until_told(directory: Path, words: str, but: list[int]) -> list[int]:
    """The processes of a training that are not `but` those, as soon as its log tells something."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        now = of(directory)
        if len(now) == 2 and not set(now) & set(but) and words in (directory / LOG).read_text():
            return now
        time.sleep(0.05)
    raise AssertionError((directory / LOG).read_text())


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds the processes through /proc")
def test_one_that_is_killed_ends_the_try_and_all_may_be_asked_to_stop(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    running = start(directory, *arguments(directory, 2, 30))
    killed = until_told(directory, "epoch 3/", [])
    os.kill(killed[1], signal.SIGKILL)
    asked = until_told(directory, "/30  loss", killed)
    assert "going on after epoch" in (directory / LOG).read_text()
    for process in reversed(asked):  # as Ctrl-C does, the first one last
        os.kill(process, signal.SIGTERM)
    output, _ = running.communicate()
    assert running.returncode == 0, output
    assert output.count("Trying to restart job") == 2
    assert "RuntimeError: process 2 of 2 was ended by SIGKILL\n" in output
    assert "closed by peer" not in output
    assert "stopped by SIGTERM in epoch" in output
    assert "going on after epoch" in (directory / LOG).read_text()
    assert len(history(directory)) == 30
    assert not of(directory)
