"""One run measures all parts; a part that raises or hangs is named in a line, and the others go on."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks import harness
from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu.__main__ import Part, Results
from benchmarks.gpu.running import Order

from longtail.runtime import files
from longtail.runtime.fingerprint import ROOT

# Of a minute, the part that hangs may take some eight seconds.
NEEDS = {"raises": 8, "hangs": 2, "works": 20}
TOYS = [Part(name, f"tests.benchmarks.gpu.toy:{name}", seconds) for name, seconds in NEEDS.items()]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The program, on a machine whose GPU, if it has one, is hidden."""
    environment = harness.importing() | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="/proc does not tell")
def test_a_part_that_raises_or_hangs_is_reported_and_the_rest_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Results(tmp_path)
    results.gpu = "Some GPU"
    order = Order("", 0.1, str(tmp_path), "plain processes")
    gpu.measure(TOYS, order, results, time.monotonic() + 60)
    assert [record["contestant"] for record in results.made] == ["before it raises", "before it hangs", "works"]
    raised, hung = results.failures
    assert raised == "raises: failed: no such kernel"
    assert hung.startswith("hangs: failed: stopped after")
    assert "works: value fine" in capsys.readouterr().out
    # What each part found before it ended is recorded, and the process that hung has left none behind.
    written = files.read_json(tmp_path / "gpu.json")
    assert [(each["part"], each["value"]) for each in written] == [
        ("raises", "kept"),
        ("hangs", "kept"),
        ("works", "fine"),
    ]
    assert not is_running(int((tmp_path / "pid").read_text()))


def test_without_time_a_part_is_not_started() -> None:
    results = Results(None)
    gpu.measure(TOYS[:1], Order("", 0.1, "", ""), results, time.monotonic() + 1)
    assert results.made == []
    assert "no time was left" in results.failures[0]


def test_parts_share_the_time_that_is_left_by_what_they_need() -> None:
    three = [Part("a", "", 30), Part("b", "", 10), Part("c", "", 20)]
    assert gpu.limit(three, 120) == 90  # half as much again as its half
    assert gpu.limit(three[1:], 60) == 30
    assert gpu.limit(three[2:], 60) == 60  # the last one all that is left


def test_packed_trainings_are_recorded_as_their_own_benchmark_records_them(tmp_path: Path) -> None:
    results = Results(tmp_path)
    part = Part("processes", "", 10)
    results.add(part, {"contestant": "GPU", "rounds": 1, "value": "Some GPU"})
    results.add(part, {"benchmark": "packed", "contestant": "8 (MPS)", "rounds": 1, "processes": 8})
    results._write(results.made, tmp_path)
    (packed,) = json.loads((tmp_path / "packed.json").read_text())
    assert (packed["benchmark"], packed["accelerator"]) == ("packed", "Some GPU")
    assert "part" not in packed


def test_without_a_gpu_it_says_so_in_a_sentence_and_records_nothing(tmp_path: Path) -> None:
    done = run("--folder", str(tmp_path))
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []
    assert done.stderr.startswith("PyTorch sees no GPU here")
    assert len(done.stderr.splitlines()) == 1


def test_nothing_of_the_workflow_is_imported() -> None:
    modules = ("device", "parts", "kernels", "starting", "__main__")
    program = f"""
import importlib, sys
for name in {modules}:
    importlib.import_module("benchmarks.gpu." + name)
import benchmarks.reference
print([name for name in ("snakemake", "pandas", "matplotlib", "yaml", "jsonschema") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=harness.importing()
    )
    assert done.stdout == "[]\n"


@pytest.mark.slow
@pytest.mark.timeout(1200)  # it starts some 25 processes that import PyTorch
def test_a_stand_in_runs_every_part_and_records_nothing(tmp_path: Path) -> None:
    done = run("--stand-in", "--seconds", "0.1", "--minutes", "15", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Stand-in" in done.stdout
    for part in gpu.PARTS:
        assert f"**{part.name}**" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert str(ROOT) not in done.stdout
