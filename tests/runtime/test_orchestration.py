import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.jobs import Job

from longtail.runtime import orchestration
from longtail.runtime.errors import InputError


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A job of Snakemake's own kind whose rule allows two more starts, and its log."""
    monkeypatch.setattr(Job, "restart_times", Job.restart_times)
    orchestration.do_not_retry_bad_input()
    made: Any = Job.__new__(Job)
    made.rule = SimpleNamespace(restart_times=2)
    made._log = [str(tmp_path / "job.log")]
    return made


@pytest.mark.parametrize(
    ("said", "times"),
    [
        ("epoch 1/2\nerror: a.png is not a readable image: replace it\n", 0),
        ("error: a.png is gone\n12:00:00 trying another mirror\n", 2),
        ("Traceback (most recent call last):\nMemoryError\n", 2),
        ("", 2),
        (None, 2),
    ],
)
def test_only_a_mistake_in_the_input_is_not_tried_again(
    job: Any, tmp_path: Path, said: str | None, times: int
) -> None:
    if said is not None:
        (tmp_path / "job.log").write_text(said)

    assert job.restart_times == times


def test_a_mistake_of_an_earlier_run_is_ignored(job: Any, tmp_path: Path) -> None:
    """A job that is killed before it opens its log leaves what an earlier run wrote there."""
    log = tmp_path / "job.log"
    log.write_text("error: a.png is gone\n")
    os.utime(log, (time.time(), orchestration.START - 60))

    assert job.restart_times == 2


def given(cores: int | None = 4, **rules: int) -> Any:
    return SimpleNamespace(cores=cores, overwrite_threads=rules)


@pytest.mark.parametrize("fits", [given(), given(cores=None), given(pack=8)])
def test_matching_numbers_of_threads(fits: Any) -> None:
    orchestration.check_cores(4, fits)
    orchestration.check_threads(fits)


def test_too_few_cores_are_refused() -> None:
    sentence = r"computes on 4 cores \(.*\), and --cores is 2: give --cores 4, or lower those"
    with pytest.raises(InputError, match=sentence):
        orchestration.check_cores(4, given(cores=2))


def test_threads_of_the_command_line_are_refused() -> None:
    with pytest.raises(InputError, match=r"--set-threads train_stage1: .*: set compute\.threads instead"):
        orchestration.check_threads(given(train_stage1=4))


def test_the_interpreter_is_quoted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orchestration, "PYTHON", "/my files/python")
    monkeypatch.setattr(sys, "executable", "/my files/python")

    for _ in range(2):
        orchestration.quote_interpreter()

    assert sys.executable == "'/my files/python'"
