"""Images per second of 1, 2, 4 and 8 Stage 1s packed on one device, on a GPU also of 16, as processes of their own.

On a GPU they share it through NVIDIA's Multi-Process Service (MPS) where `nvidia-cuda-mps-control` is there and
works, and take turns otherwise; the table says which. The ratio is that of all together to one alone.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import data, harness, records
from benchmarks.harness import Contestant

PACKED = (1, 2, 4, 8)
PACKED_ON_GPU = (*PACKED, 16)
PROBE = "import torch; torch.zeros(1, device='cuda').item()"
# Of starting MPS and of its first client, which would otherwise wait for ever where MPS hangs.
PATIENCE = 60


@contextlib.contextmanager
def mps() -> Iterator[dict[str, str] | None]:
    """MPS while the block runs: the environment of its clients, or None if MPS is not available."""
    control = shutil.which("nvidia-cuda-mps-control")
    if control is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        clients = {"CUDA_MPS_PIPE_DIRECTORY": f"{folder}/pipe", "CUDA_MPS_LOG_DIRECTORY": f"{folder}/log"}
        for path in clients.values():
            Path(path).mkdir()
        environment = os.environ | clients
        started = _succeeds([control, "-d"], environment)
        try:
            yield clients if started and _succeeds([sys.executable, "-c", PROBE], environment) else None
        finally:
            if started:
                _succeeds([control], environment, told="quit\n")


def _succeeds(command: list[str], environment: dict[str, str], told: str = "") -> bool:
    try:
        done = subprocess.run(command, input=told, text=True, env=environment, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def how(sharing: dict[str, str] | None) -> str:
    """What the records call the processes under this environment."""
    return "plain processes" if sharing is None else "MPS"


def contestant(images: str, count: int, sharing: dict[str, str] | None) -> Contestant:
    """So many trainings; `images` is a file of arrays, `sharing` the environment of all."""
    name = f"{count} ({how(sharing)})"
    return Contestant(name, "benchmarks.engine:stage1", {"data": images}, count, sharing or {})


def main() -> None:
    """The command line."""
    options = harness.parsed(harness.arguments(__doc__, rounds=3, seconds=20))
    on_gpu = records.accelerator() is not None
    with tempfile.TemporaryDirectory() as folder, mps() as sharing:
        images = data.save(Path(folder), "cifar")
        contestants = [contestant(images, count, sharing) for count in (PACKED_ON_GPU if on_gpu else PACKED)]
        found = harness.compete(contestants, options, warm_up=200 if on_gpu else 10)
    harness.finish("packed", found, options)


if __name__ == "__main__":
    main()
