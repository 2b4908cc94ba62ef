"""NVIDIA's Multi-Process Service (MPS): under it processes compute on a GPU together, without it they take turns."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from longtail.runtime import visible_gpus

PIPES, LOGS = "CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"
# Where its pipes are if no variable says so.
USUAL = Path("/tmp/nvidia-mps")
# Read before the Snakefile quotes it for shells.
PYTHON = sys.executable
PROBE = "import torch; torch.zeros(1, device='cuda').item()"
# Of starting MPS and of its first client, which would otherwise wait for ever where MPS hangs.
PATIENCE = 60.0
ENDING_SECONDS = 10.0
# Ends MPS when its input ends: with the process that has started it, even if that is killed.
END = 'cat > /dev/null; echo quit | "$0"; rm -rf "$1"'


def is_running() -> bool:
    """Whether processes that start now are clients of an MPS that somebody has started."""
    if PIPES in os.environ:
        return True
    if not (USUAL / "control").exists():
        return False
    with contextlib.suppress(OSError, ValueError):
        return Path("/proc", str(int((USUAL / "nvidia-cuda-mps-control.pid").read_text()))).exists()
    return True


def can_start() -> bool:
    """Whether this machine has MPS, as far as that is known without starting it."""
    return _program() is not None


@contextlib.contextmanager
def running() -> Iterator[dict[str, str] | None]:
    """MPS while the block runs: the environment of its clients, which is empty for an MPS that runs already.

    None if there is no MPS here or it does not work.
    """
    if is_running():
        yield {}
        return
    program = _program()
    if program is None:
        yield None
        return
    folder = tempfile.mkdtemp(prefix="longtail-mps-")
    clients = {PIPES: f"{folder}/pipe", LOGS: f"{folder}/log"}
    for path in clients.values():
        Path(path).mkdir()
    environment = os.environ | clients
    started = _succeeds([program, "-d"], environment)
    # In a group of its own, since Ctrl-C must not end it before the trainings.
    end = subprocess.Popen(
        ["sh", "-c", END, program if started else "true", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment,
        process_group=0,
    )
    try:
        yield clients if started and _succeeds([PYTHON, "-c", PROBE], environment) else None
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            end.communicate(timeout=ENDING_SECONDS)


def _program() -> str | None:
    """The program that starts MPS, where it can serve the GPUs that this process sees.

    AMD's GPUs and WSL2 have no MPS. It counts GPUs anew, from 0: other numbers would mean other GPUs to its clients.
    """
    names = visible_gpus.names()
    alike = names == [str(number) for number in range(len(names))] or all(name.startswith("GPU-") for name in names)
    if not names or not alike or visible_gpus.is_rocm() or visible_gpus.is_wsl():
        return None
    return shutil.which("nvidia-cuda-mps-control")


def _succeeds(command: list[str], environment: dict[str, str]) -> bool:
    """Whether a program ends well in time."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        done = subprocess.run(command, env=environment, check=False, timeout=PATIENCE, **quiet)  # type: ignore[call-overload]
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(done.returncode == 0)
