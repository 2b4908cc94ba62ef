"""With a stand-in for the program that starts NVIDIA's MPS, and made-up GPUs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.devices import Devices

from longtail.runtime import mps
from longtail.runtime.fingerprint import ROOT

HOLDER = """
import time
from longtail.runtime import mps
mps.PROBE = ""
with mps.running():
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Devices:
    """A machine with two GPUs and MPS, which does not run."""
    monkeypatch.delenv(mps.PIPES, raising=False)
    monkeypatch.setattr(mps, "USUAL", tmp_path / "usual")
    monkeypatch.setattr(mps, "PROBE", "")
    made = Devices(tmp_path, monkeypatch)
    made.nvidia(0, 1)
    return made


@pytest.fixture
def control(devices: Devices, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for nvidia-cuda-mps-control; the file lists how it was called and what it was told."""
    calls = devices.root / "calls"
    script = f'[ "$1" = -d ] && said=start || said=$(cat)\necho "$said $CUDA_MPS_PIPE_DIRECTORY" >> {calls}'
    devices.file("bin/nvidia-cuda-mps-control", f"#!/bin/sh\n{script}\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{devices.root / 'bin'}:/usr/bin:/bin")
    return calls


def ended(control: Path) -> list[str]:
    """What was done to MPS in all; waits for its end."""
    end = time.monotonic() + 20
    while "quit" not in control.read_text():
        assert time.monotonic() < end, "MPS was not ended"
        time.sleep(0.02)
    return control.read_text().split()


@pytest.mark.parametrize("works", [True, False])
def test_mps_runs_for_the_block_under_a_folder_of_its_own(
    control: Path, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    monkeypatch.setattr(mps, "PROBE", "" if works else "raise SystemExit(1)")
    assert mps.can_start()
    with mps.running() as clients:
        started = control.read_text().split()
        assert started[0] == "start"
        assert Path(started[1]).is_dir()
        assert (clients or {}).get("CUDA_MPS_PIPE_DIRECTORY") == (started[1] if works else None)
    assert control.read_text().split() == [*started, "quit", started[1]]
    assert not Path(started[1]).parent.exists()


def test_mps_that_hangs_is_not_waited_for(devices: Devices, control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mps, "PATIENCE", 0.5)
    devices.file("bin/nvidia-cuda-mps-control", "#!/bin/sh\nsleep 30\n").chmod(0o755)
    with mps.running() as clients:
        assert clients is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_mps_ends_with_its_process_however_that_ends(control: Path, number: int) -> None:
    here = {"PYTHONPATH": str(ROOT / "lib"), "CUDA_VISIBLE_DEVICES": "0"}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], env=os.environ | here, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        assert "quit" not in control.read_text()
        os.kill(holder.pid, number)
    assert [ended(control)[index] for index in (0, 2)] == ["start", "quit"]


def test_mps_of_the_user_is_used_and_left_alone(
    devices: Devices, control: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices.file("usual/control")
    devices.file("usual/nvidia-cuda-mps-control.pid", f"{os.getpid()}\n")
    with mps.running() as clients:
        assert clients == {}
    (devices.root / "usual/control").unlink()
    monkeypatch.setenv(mps.PIPES, "/pipes")
    with mps.running() as clients:
        assert clients == {}
    assert not control.exists()


def test_what_a_killed_mps_has_left_is_none(devices: Devices, control: Path, gone: int) -> None:
    devices.file("usual/control")
    devices.file("usual/nvidia-cuda-mps-control.pid", f"{gone}\n")
    assert not mps.is_running()
    with mps.running() as clients:
        assert clients


@pytest.mark.parametrize("machine", ["wsl", "amd", "no GPU", "other numbers", "no program"])
def test_where_mps_cannot_be_it_is_not_started(
    devices: Devices, control: Path, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    if machine == "wsl":
        devices.wsl("echo 'GPU 0: NVIDIA RTX A5000'")
    elif machine == "amd":
        devices.amd(128, 129)
    elif machine == "no program":
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "" if machine == "no GPU" else "1")
    with mps.running() as clients:
        assert clients is None
    assert not control.exists()
