"""Images per second of Stage 2 on cached features, against the same training through the frozen backbone.

MiSLAS on images that are not augmented, digits and CIFAR-10-LT in size, one thread.
"""

import tempfile
from pathlib import Path

from benchmarks import data, harness
from benchmarks.harness import Contestant


def contestants(images: str, name: str) -> list[Contestant]:
    """Through the backbone first, then on features; `images` is a file of arrays."""
    return [
        Contestant(f"{name}, {how}", "benchmarks.engine:stage2", {"data": images, "cached": cached})
        for how, cached in (("frozen backbone", False), ("cached features", True))
    ]


def main() -> None:
    """The command line."""
    options = harness.parsed(harness.arguments(__doc__, rounds=5, seconds=20))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("digits", "cifar"):
            images = data.save(Path(folder), name)
            found += harness.compete(contestants(images, name), options, warm_up=20)
    harness.finish("stage2", found, options)


if __name__ == "__main__":
    main()
