import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks import jobs


@pytest.fixture
def running(tmp_path: Path):
    """A process that looks like a job's script: it holds 64 MiB for a second."""
    scripts = tmp_path / ".snakemake" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "tmpab1_2c.train_stage1.py").write_text("import time\nheld = b'x' * 2**26\ntime.sleep(1)\n")
    command = [sys.executable, str(scripts / "tmpab1_2c.train_stage1.py")]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        yield process
        process.kill()


def test_script_of_a_job_is_known_by_its_rule(running: subprocess.Popen[bytes]) -> None:
    time.sleep(0.5)
    assert jobs.script(running.pid) == "train_stage1"


@pytest.mark.parametrize("command", [["-c", "input()"], ["-c", "input()", "x/.snakemake/scripts/tmpa.evaluate.py"]])
def test_other_processes_are_none(command: list[str]) -> None:
    with subprocess.Popen([sys.executable, *command], stdin=subprocess.PIPE) as process:
        time.sleep(0.5)
        assert jobs.script(process.pid) is None
        process.kill()
    assert jobs.script(process.pid) is None


def test_memory_and_seconds_of_a_job_are_seen_in_its_folder_alone(
    running: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    watched, elsewhere = jobs.Watched(), jobs.Watched()
    while running.poll() is None:
        watched.look(tmp_path)
        elsewhere.look(tmp_path / "other")
        time.sleep(0.02)
    (values,) = watched.values("digits")
    assert (values["contestant"], values["jobs"]) == ("train_stage1, digits", 1)
    assert 2**26 < values["peak_memory_bytes"] < 2**27
    assert 0.8 < values["seconds"] < 5
    assert elsewhere.values("digits") == []
