import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

LIB = Path(__file__).parents[2] / "lib"
START = """
import logging, os, subprocess, sys, warnings
from longtail.runtime.errors import InputError
from longtail.runtime.joblog import job
with job(sys.argv[1:]):
"""


@pytest.fixture
def run(tmp_path):
    """Runs the body of a job in a fresh Python: its exit code, its log, and what leaked past the log."""

    def run(body: str):
        log = tmp_path / "job.log"
        log.write_text("what an earlier run said\n")
        command = [sys.executable, "-c", START + f"    {body}\n", str(log)]
        environment = os.environ | {"PYTHONPATH": str(LIB)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, log.read_text(), done.stdout + done.stderr

    return run


def test_all_output_of_a_job_is_in_its_log(run: Any) -> None:
    code, log, leaked = run(
        "print('from print'); logging.getLogger('longtail.x').info('from logging'); warnings.warn('from warnings'); "
        "os.write(1, b'from descriptor 1\\n'); os.write(2, b'from descriptor 2\\n'); "
        "subprocess.run(['echo', 'from a child'])"
    )
    assert code == 0
    assert leaked == ""
    for source in ("print", "logging", "warnings", "descriptor 1", "descriptor 2", "a child"):
        assert f"from {source}\n" in log or f"from {source}" in log
    assert "earlier run" not in log


def test_log_can_be_followed_line_by_line(run: Any) -> None:
    code, log, _ = run("print('epoch 1'); print('epoch 2'); os._exit(7)  # as if it were killed")
    assert code == 7
    assert log == "epoch 1\nepoch 2\n"


def test_bad_input_is_one_sentence(run: Any) -> None:
    code, log, leaked = run("print('begun'); raise InputError('a.json is cut short: delete it')")
    assert code == 1
    assert log == "begun\nerror: a.json is cut short: delete it\n"
    assert leaked == ""


def test_without_a_log_everything_is_printed_and_a_bug_is_raised() -> None:
    program = START.replace("sys.argv[1:]", "[]") + "    print('begun'); {}['missing']\n"
    caught = f"try:\n{textwrap.indent(program, '    ')}\nexcept KeyError as error:\n    print('raised', error)\n"
    environment = os.environ | {"PYTHONPATH": str(LIB)}
    done = subprocess.run(
        [sys.executable, "-c", caught], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\nraised 'missing'\n", "")


def test_defect_leaves_its_traceback_in_the_log(run: Any) -> None:
    code, log, _ = run("print('begun'); {}['missing']")
    assert code == 1
    assert "begun" in log
    assert "Traceback" in log
    assert "KeyError: 'missing'" in log


def test_exit_code_of_a_job_is_kept(run: Any) -> None:
    assert run("sys.exit(3)")[0] == 3


SPAWNING = """
import multiprocessing, sys
from longtail.runtime.joblog import job
with job(sys.argv[1:]):
    print("once")
    process = multiprocessing.get_context("spawn").Process(target=print, args=("spawned",))
    process.start()
    process.join()
"""


def test_spawned_process_does_not_run_the_script_again(tmp_path: Path) -> None:
    script, log = tmp_path / "script.py", tmp_path / "job.log"
    script.write_text(SPAWNING)
    environment = os.environ | {"PYTHONPATH": str(LIB)}
    assert subprocess.run([sys.executable, script, log], env=environment, timeout=120, check=False).returncode == 0
    assert log.read_text() == "once\nspawned\n"
