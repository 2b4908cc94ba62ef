"""Images per second of Stage 1 on images of 224x224, backbone by backbone, and of decoding their files.

What the large sets (ImageNet-LT, Places-LT, iNaturalist 2018) cost is reckoned from these by `benchmarks.scale`: the
ratios of the backbones to ResNet-50, and how many images one decoding process delivers. One thread each, so that
batches are small: the ratio of two networks hardly depends on it.
"""

import tempfile
from pathlib import Path

from benchmarks import data, harness
from benchmarks.harness import Contestant

BACKBONES = ("resnet50", "resnet10", "resnet101", "resnet152", "resnet152_last_block")


def contestants(images: str, files: str) -> list[Contestant]:
    """ResNet-50 first; `images` is a file of arrays, `files` one of paths."""
    trained = [Contestant(name, "benchmarks.engine:large", {"data": images, "backbone": name}) for name in BACKBONES]
    return trained + [
        Contestant(f"decoding {split} images", "benchmarks.engine:decoding", {"data": files, "split": split})
        for split in ("training", "test")
    ]


def main() -> None:
    """The command line."""
    options = harness.parsed(harness.arguments(__doc__, rounds=3, seconds=10))
    with tempfile.TemporaryDirectory() as folder:
        images, files = data.save_large(Path(folder))
        found = harness.compete(contestants(images, files), options, warm_up=1)
    harness.finish("large", found, options)


if __name__ == "__main__":
    main()
