"""Images per second of Stage 1 on images of 224x224, backbone by backbone, and of decoding their files.

They tell what the large sets (ImageNet-LT, Places-LT, iNaturalist 2018) cost: how each backbone compares with
ResNet-50, and how many images one decoding process delivers. On a CPU with one thread each, in small batches, and per
second of processor time, which does not depend on other work on the machine.
"""

import tempfile
from pathlib import Path

from benchmarks import data, harness, records
from benchmarks.harness import Contestant

BACKBONES = ("resnet50", "resnet10", "resnet101", "resnet152", "resnet152_last_block")


def contestants(images: str, files: str, clock: str) -> list[Contestant]:
    """ResNet-50 first; `images` is a file of arrays, `files` one of paths."""
    trainings = {name: ("benchmarks.engine:large", {"data": images, "backbone": name}) for name in BACKBONES}
    decoding = {
        f"decoding {split} images": ("benchmarks.engine:decoding", {"data": files, "split": split})
        for split in ("training", "test")
    }
    return [Contestant(name, *what, clock=clock) for name, what in (trainings | decoding).items()]


def main() -> None:
    """The command line."""
    options = harness.parsed(harness.arguments(__doc__, rounds=3, seconds=10))
    on_gpu = records.accelerator() is not None
    with tempfile.TemporaryDirectory() as folder:
        found = contestants(*data.save_large(Path(folder)), clock="wall" if on_gpu else "processor")
        values = harness.compete(found, options, warm_up=20 if on_gpu else 1)
    harness.finish("large", values, options)


if __name__ == "__main__":
    main()
