"""Processes beside a job's own, and every way in which one of them or the job itself may end."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from longtail.runtime import children, signals
from longtail.runtime.errors import InputError

LONG = 60


def act(number, what, folder, given=b""):
    """What the processes of these tests do; only the first of them fails by itself."""
    (folder / f"{number}.tmp").write_text(f"{os.getpid()} {len(given)}")
    (folder / f"{number}.tmp").rename(folder / str(number))
    if what == "nothing":
        return
    if number > 1 and what == "fall":
        until(lambda: are_there(folder, 1) and has_ended(pid(folder, 1)))
        raise RuntimeError("connection closed by peer")
    if number > 1 or what == "wait":
        time.sleep(LONG)
    until(lambda: are_there(folder, 2))
    if what == "bad input":
        raise InputError("data/ä.jpg is not a readable image: repair or remove it")
    if what == "defect":
        raise ValueError("no\nsuch value")
    if what == "exit":
        os._exit(3)
    if what == "fall":
        os.kill(os.getpid(), signal.SIGKILL)


class DeadlyToRead:
    """Given to a process ahead of much else, it ends it before that is read."""

    def __reduce__(self):
        return os._exit, (7,)


def until(condition):
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def are_there(folder, *numbers):
    return all((folder / str(number)).exists() for number in numbers)


def pid(folder, number):
    return int((folder / str(number)).read_text().split()[0])


def has_ended(process):
    try:
        return Path("/proc", str(process), "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_each_process_calls_the_function_with_its_number_and_the_arguments(tmp_path: Path) -> None:
    with children.beside(2, act, "nothing", tmp_path, b"x" * 10_000_000):
        until(lambda: are_there(tmp_path, 1, 2))
    assert [(tmp_path / number).read_text().split()[1] for number in "12"] == ["10000000"] * 2


DEATHS = {
    "bad input": (InputError, "^data/ä.jpg is not a readable image: repair or remove it$"),
    "defect": (RuntimeError, "^process 2 of 3: ValueError: no$"),
    "exit": (RuntimeError, "^process 2 of 3 ended with exit code 3$"),
    # The other one fails too, and says so, for want of the first.
    "fall": (RuntimeError, "^process 2 of 3 was ended by SIGKILL$"),
}


@pytest.mark.parametrize("what", DEATHS)
def test_a_block_that_fails_because_of_a_process_says_how_that_one_ended(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "GRACE_SECONDS", LONG)
    kind, words = DEATHS[what]
    with pytest.raises(kind, match=words), children.beside(2, act, what, tmp_path):
        raise RuntimeError("connection closed by peer")
    assert has_ended(pid(tmp_path, 2))


def test_a_process_that_dies_before_it_has_read_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "GRACE_SECONDS", LONG)
    given = (DeadlyToRead(), b"x" * 10_000_000)
    with pytest.raises(RuntimeError, match="exit code 7"), children.beside(1, act, "wait", tmp_path, given):
        raise RuntimeError("nobody there")


def fail_with(error, folder):
    until(lambda: are_there(folder, 1))
    raise error("its own")


@pytest.mark.parametrize("error", [InputError, RuntimeError, KeyboardInterrupt])
def test_what_the_block_raises_by_itself_stays_and_ends_them_at_once(
    error: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "GRACE_SECONDS", 0)
    with pytest.raises(error, match="its own"), children.beside(1, act, "wait", tmp_path):
        fail_with(error, tmp_path)
    assert has_ended(pid(tmp_path, 1))


def test_those_that_do_not_end_with_the_block_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "PATIENCE_SECONDS", 0.1)
    with children.beside(1, act, "wait", tmp_path):
        until(lambda: are_there(tmp_path, 1))
        os.kill(pid(tmp_path, 1), signal.SIGSTOP)
    assert has_ended(pid(tmp_path, 1))


class Asked(subprocess.Popen):
    """A process that is asked to stop before it can have run a line."""

    started: ClassVar = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ask()
        self.started.append(self)

    def ask(self):
        for number in signals.ASKING:
            self.send_signal(number)


def test_signals_that_ask_a_job_to_stop_end_none_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", Asked)
    with children.beside(1, act, "wait", tmp_path):
        until(lambda: are_there(tmp_path, 1))
        (process,) = Asked.started
        process.ask()
        time.sleep(0.2)
        assert process.poll() is None


SCRIPT = """
import sys, time
from pathlib import Path
from tests.runtime.test_children import LONG, act
from longtail.runtime import children, joblog
with joblog.job(sys.argv[1:2]):
    print("once")
    with children.beside(2, act, sys.argv[2], Path.cwd()):
        time.sleep(LONG)
"""


def start(folder, what):
    """A job in a folder: a script that must not be run again in other processes, and that waits for nothing."""
    (folder / "script.py").write_text(SCRIPT)
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root / 'lib'}{os.pathsep}{root}"}
    command = [sys.executable, "script.py", "log", what]
    # Where the tests run in the background of a shell, Ctrl-C is ignored, and so it would be in the job.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, cwd=folder, env=environment, preexec_fn=heed)


@pytest.mark.parametrize("what", DEATHS)
def test_block_that_does_not_notice_is_ended_with_the_job(what: str, tmp_path: Path) -> None:
    with start(tmp_path, what) as job:
        assert job.wait(LONG - 5) == 1
    said = (tmp_path / "log").read_text().splitlines()
    assert said[0] == "once"
    assert said.count("once") == 1
    assert said[-1] == f"error: {DEATHS[what][1].strip('^$')}"
    if what != "fall":
        assert ("Traceback (most recent call last):" in said) == (what == "defect")
    until(lambda: has_ended(pid(tmp_path, 2)))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_all_end_with_the_job(number: Any, tmp_path: Path) -> None:
    with start(tmp_path, "wait") as job:
        until(lambda: are_there(tmp_path, 1, 2))
        job.send_signal(number)
        assert job.wait(LONG - 5) == (128 + number if number == signal.SIGINT else -number)
    until(lambda: has_ended(pid(tmp_path, 1)) and has_ended(pid(tmp_path, 2)))
