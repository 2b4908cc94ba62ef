"""Images per second of Stage 1: the engine against the field's usual loop (benchmarks/reference.py).

ResNet-32, batches of 128, mixup. On a CPU the engine runs once with all cores, and as one-thread runs side by side,
as many as cores, which is how the workflow fills a machine; each in float32 and in bfloat16. On a GPU it runs as
configured by default, with its steps captured as CUDA graphs and without.
"""

import os
import tempfile
from pathlib import Path

from benchmarks import data, harness, records
from benchmarks.harness import Contestant


def contestants(images: str, on_gpu: bool) -> list[Contestant]:
    """The reference first, then the engine; `images` is a file of arrays."""
    reference = Contestant("reference", "benchmarks.reference:training", {"data": images})
    if on_gpu:
        return [reference, _engine("captured", images, capture=True), _engine("eager", images, capture=False)]
    cores = len(os.sched_getaffinity(0))
    found = [reference]
    for precision in ("float32", "bfloat16"):
        found.append(_engine(f"one run, {precision}", images, precision=precision, threads=cores))
        found.append(_engine(f"side by side, {precision}", images, processes=cores, precision=precision))
    return found


def _engine(name: str, images: str, processes: int = 1, **compute: object) -> Contestant:
    return Contestant(name, "benchmarks.engine:stage1", {"data": images, **compute}, processes)


def main() -> None:
    """The command line."""
    parser = harness.arguments(__doc__, rounds=5, seconds=60)
    parser.add_argument("--data", default="cifar", help="a folder of train/<class>/* and test/<class>/*, not random")
    options = harness.parsed(parser)
    on_gpu = records.accelerator() is not None
    with tempfile.TemporaryDirectory() as folder:
        images = data.save(Path(folder), options.data)
        # On a GPU two epochs, so that the last, smaller batch of an epoch is captured too.
        found = harness.compete(contestants(images, on_gpu), options, warm_up=200 if on_gpu else 10)
    harness.finish("stage1", found, options)


if __name__ == "__main__":
    main()
