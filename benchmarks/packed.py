"""Images per second of 1, 2, 4 and 8 Stage 1s on one device, on a GPU also of 16, as processes and in one process.

On a GPU processes share it through NVIDIA's Multi-Process Service (MPS) where `nvidia-cuda-mps-control` is there and
works, and take turns otherwise; the table says which. The ratio is that of all together to one alone.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import data, harness, records
from benchmarks.harness import Contestant

from longtail.graph.sharing import IN_TURN, MPS
from longtail.runtime import mps

PACKED = (1, 2, 4, 8)
PACKED_ON_GPU = (*PACKED, 16)


def how(sharing: dict[str, str] | None) -> str:
    """What records call processes in this environment of MPS, or without one."""
    return IN_TURN if sharing is None else MPS


def contestants(images: str, sharing: dict[str, str] | None, counts: Sequence[int] = PACKED) -> list[Contestant]:
    """One training, then more of them; `images` is a file of arrays, `sharing` the environment of all.

    On a CPU, trainings of one process compute with as many threads as the processes beside them have together.
    """
    found, environment = [], sharing or {}
    for count in counts:
        settings = {"data": images}
        name = f"{count} ({how(sharing)})"
        found.append(Contestant(name, "benchmarks.engine:stage1", settings, count, environment))
        if count > 1:
            together = settings | {"count": count}
            name = f"{count} in one process"
            found.append(Contestant(name, "benchmarks.engine:stage1_together", together, environment=environment))
    return found


def main() -> None:
    """The command line."""
    options = harness.parsed(harness.arguments(__doc__, rounds=3, seconds=20))
    on_gpu = records.accelerator() is not None
    with tempfile.TemporaryDirectory() as folder, mps.running() as sharing:
        images = data.save(Path(folder), "cifar")
        chosen = contestants(images, sharing, PACKED_ON_GPU if on_gpu else PACKED)
        found = harness.compete(chosen, options, warm_up=200 if on_gpu else 10)
    harness.finish("packed", found, options)


if __name__ == "__main__":
    main()
