"""What the start-up benchmark runs is what the scripts import."""

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import startup

from longtail.runtime.fingerprint import ROOT


def test_imports_are_those_of_a_script() -> None:
    found = startup.imports("evaluate")
    assert "from longtail.evaluate import protocols" in found
    assert "snakemake" not in found


def test_a_program_is_timed_to_its_end() -> None:
    assert startup.seconds("import time; time.sleep(0.2)") >= 0.2


def test_whole_jobs_run_and_the_first_is_left_out(tmp_path: Path) -> None:
    (values,) = startup.jobs(tmp_path, rounds=1)
    assert values["rounds"] == 1
    assert (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize("script", ["evaluate", "make_table"])
def test_scripts_that_are_timed_without_torch_do_not_import_it(script: str) -> None:
    program = f"import sys\n{startup.imports(script)}\nprint('torch' in sys.modules)"
    environment = {"PYTHONPATH": str(ROOT / "lib")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "False\n"
