"""Images per second of 1, 2, 4 and 8 Stage 1s packed on one device, as processes of their own and in one process.

On a GPU processes share it through NVIDIA's Multi-Process Service (MPS) where `nvidia-cuda-mps-control` is there and
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
PROBE = "import torch; torch.zeros(1, device='cuda').item()"


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
        started = subprocess.run([control, "-d"], env=environment, check=False).returncode == 0
        try:
            probe = subprocess.run([sys.executable, "-c", PROBE], env=environment, check=False)
            yield clients if started and probe.returncode == 0 else None
        finally:
            if started:
                subprocess.run([control], input="quit\n", text=True, env=environment, check=False)


def contestants(images: str, sharing: dict[str, str] | None, how: str) -> list[Contestant]:
    """One training, then more of them; `images` is a file of arrays, `sharing` the environment of all.

    On a CPU, trainings of one process compute with as many threads as the processes beside them have together.
    """
    found = []
    for count in PACKED:
        environment = sharing or {}
        found.append(Contestant(f"{count} ({how})", "benchmarks.engine:stage1", {"data": images}, count, environment))
        if count > 1:
            settings = {"data": images, "count": count}
            name = f"{count} in one process"
            found.append(Contestant(name, "benchmarks.engine:stage1_together", settings, environment=environment))
    return found


def main() -> None:
    """The command line."""
    options = harness.parsed(harness.arguments(__doc__, rounds=3, seconds=20))
    on_gpu = records.accelerator() is not None
    with tempfile.TemporaryDirectory() as folder, mps() as sharing:
        how = "plain processes" if sharing is None else "MPS"
        images = data.save(Path(folder), "cifar")
        found = harness.compete(contestants(images, sharing, how), options, warm_up=200 if on_gpu else 10)
    harness.finish("packed", found, options)


if __name__ == "__main__":
    main()
