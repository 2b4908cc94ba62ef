import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.devices import Devices

from longtail.runtime import gpus, visible_gpus
from longtail.runtime.fingerprint import ROOT

# Notes when it got which GPUs and when it gave them back.
JOB = """
import os, sys, time
from pathlib import Path
from longtail.runtime import gpus
count, jobs_each, seconds, note = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
with gpus.reserved(count, jobs_each):
    note.write_text(f"{os.environ['CUDA_VISIBLE_DEVICES']} {time.monotonic()}")
    time.sleep(seconds)
    note.with_suffix(".end").write_text(str(time.monotonic()))
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Devices:
    """A machine with three GPUs, and locks of its own."""
    devices = Devices(tmp_path, monkeypatch)
    devices.nvidia(0, 1, 2)
    monkeypatch.setattr(gpus, "LOCKS", tmp_path / "locks")
    return devices


def start(folder: Path, name: str, count: int, jobs_each: int, seconds: float) -> subprocess.Popen[bytes]:
    """A job in a process of its own, on three GPUs."""
    here = {"CUDA_VISIBLE_DEVICES": "0,1,2", "TMPDIR": str(folder), "PYTHONPATH": str(ROOT / "lib")}
    command = [sys.executable, "-c", JOB, str(count), str(jobs_each), str(seconds), str(folder / name)]
    return subprocess.Popen(command, env=os.environ | here)


def got(folder: Path, name: str) -> tuple[list[str], float]:
    """The GPUs that a job holds, and since when; waits for it."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if (folder / name).exists() and (text := (folder / name).read_text()):
            names, since = text.split()
            return names.split(","), float(since)
        time.sleep(0.02)
    raise AssertionError(f"{name} never got a GPU")


def test_job_sees_its_own_gpu_alone_and_the_emptiest_comes_first(
    machine: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gpus.reserved(1, 2):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        with gpus.reserved(1, 2):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"


@pytest.mark.parametrize("chosen", [None, "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"])
def test_amd_jobs_see_their_own_gpu_alone(
    machine: Devices, monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    machine.amd(128, 129)
    if chosen:
        monkeypatch.setenv(chosen, "0,1")
    with gpus.reserved(1, 1):
        assert os.environ[chosen or "HIP_VISIBLE_DEVICES"] == "0"


def test_training_on_several_gpus_holds_different_ones(machine: Devices) -> None:
    with gpus.reserved(2, 2):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"


def test_training_on_more_gpus_than_there_are_takes_all(machine: Devices) -> None:
    with gpus.reserved(4, 1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2"


@pytest.mark.parametrize(("chosen", "count"), [("2", 1), ("1,2", 2), ("GPU-7f", 4), ("0,1", 0), ("", 1)])
def test_choice_of_a_scheduler_is_left_alone(
    machine: Devices, monkeypatch: pytest.MonkeyPatch, chosen: str, count: int
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    with gpus.reserved(count, 1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == chosen
        assert not gpus.LOCKS.exists()


def test_without_a_gpu_nothing_happens(machine: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visible_gpus, "SYSTEM", machine.root / "none")
    with gpus.reserved(1, 1):
        assert "CUDA_VISIBLE_DEVICES" not in os.environ
        assert not gpus.LOCKS.exists()


def test_twelve_jobs_on_three_gpus_of_two_slots_never_overlap(tmp_path: Path) -> None:
    running = [start(tmp_path, f"job{number}", 1, 2, 0.5) for number in range(12)]
    assert [process.wait(60) for process in running] == [0] * 12
    spans: dict[str, list[tuple[float, float]]] = {"0": [], "1": [], "2": []}
    for number in range(12):
        (gpu,), since = got(tmp_path, f"job{number}")
        spans[gpu].append((since, float((tmp_path / f"job{number}.end").read_text())))
    for found in spans.values():
        assert found
        for moment, _ in found:
            assert sum(start <= moment < end for start, end in found) <= 2
    moments = [moment for found in spans.values() for moment, _ in found]
    beside = [sum(s <= m < e for found in spans.values() for s, e in found) for m in moments]
    assert max(beside) > 3, "the slots were never shared"


def test_killed_job_frees_its_slot(tmp_path: Path) -> None:
    running = {got(tmp_path, name)[0][0]: process for name, process in _fill(tmp_path)}
    assert set(running) == {"0", "1", "2"}
    waiting = start(tmp_path, "waiting", 1, 1, 0)
    time.sleep(1.5)
    assert not (tmp_path / "waiting").exists()
    os.kill(running["1"].pid, signal.SIGKILL)
    assert got(tmp_path, "waiting")[0] == ["1"]
    assert waiting.wait(30) == 0
    for process in running.values():
        process.kill()
        process.wait()


def _fill(folder: Path):
    return [(f"long{number}", start(folder, f"long{number}", 1, 1, 60)) for number in range(3)]


def test_jobs_that_each_want_two_of_three_gpus_take_turns(tmp_path: Path) -> None:
    running = [start(tmp_path, f"pair{number}", 2, 1, 0.3) for number in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    spans = sorted((got(tmp_path, f"pair{n}")[1], float((tmp_path / f"pair{n}.end").read_text())) for n in range(3))
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_job_that_wants_a_gpu_for_itself_keeps_new_ones_out_until_the_old_ones_have_ended(tmp_path: Path) -> None:
    old = [start(tmp_path, f"old{number}", 1, 4, 3) for number in range(5)]
    crowded = [got(tmp_path, f"old{number}")[0][0] for number in range(5)]
    whole = start(tmp_path, "whole", 1, 1, 1)
    # It goes where the fewest are, and nobody follows it there.
    time.sleep(1)
    new = [start(tmp_path, f"new{number}", 1, 4, 0) for number in range(4)]
    (taken,), since = got(tmp_path, "whole")
    assert crowded.count(taken) == 1
    ends = [float((tmp_path / f"old{n}.end").read_text()) for n in range(5) if crowded[n] == taken]
    assert ends[0] <= since
    assert all(got(tmp_path, f"new{number}")[0] != [taken] for number in range(4))
    assert [process.wait(30) for process in (*old, whole, *new)] == [0] * 10


def test_nobody_joins_a_job_that_has_a_gpu_for_itself(tmp_path: Path) -> None:
    long = [start(tmp_path, f"long{number}", 1, 1, 2) for number in range(3)]
    spans = {got(tmp_path, f"long{number}")[0][0]: number for number in range(3)}
    waiting = start(tmp_path, "waiting", 1, 8, 0)
    (gpu,), since = got(tmp_path, "waiting")
    assert float((tmp_path / f"long{spans[gpu]}.end").read_text()) <= since
    assert [process.wait(30) for process in (*long, waiting)] == [0] * 4
