"""Images per second of Stage 1 on images of 224x224, backbone by backbone, and of decoding their files.

What the large sets (ImageNet-LT, Places-LT, iNaturalist 2018) cost is reckoned from these by `benchmarks.scale`: the
ratios of the backbones to ResNet-50, and how many images one decoding process delivers. On a CPU one thread each, in
small batches, each side by side with ResNet-50, so that both see the same machine; ResNet-50 beside itself tells what
the ratios are worth.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import data, harness, records
from benchmarks.harness import Contestant, Heat

BACKBONES = ("resnet50", "resnet10", "resnet101", "resnet152", "resnet152_last_block")


def contestants(images: str, files: str) -> list[Contestant]:
    """ResNet-50 first; `images` is a file of arrays, `files` one of paths."""
    trained = [Contestant(name, "benchmarks.engine:large", {"data": images, "backbone": name}) for name in BACKBONES]
    return [
        *trained,
        *(
            Contestant(f"decoding {split} images", "benchmarks.engine:decoding", {"data": files, "split": split})
            for split in ("training", "test")
        ),
    ]


def compared(found: Sequence[Contestant], options: argparse.Namespace, warm_up: int) -> list[dict[str, Any]]:
    """Values of a record for each contestant, from rounds in which each runs beside the first."""
    chosen = harness.wanted([contestant.name for contestant in found], options.only)
    rounds: dict[str, list[list[Heat]]] = {name: [] for name in chosen}
    for number in range(options.rounds):
        for contestant in [each for each in found if each.name in chosen][:: 1 if number % 2 == 0 else -1]:
            heats = harness.together([found[0], contestant], options.seconds, warm_up)
            print(
                f"round {number + 1}/{options.rounds}  {contestant.name}: {heats[1].images_per_second:.1f} images/s"
            )
            rounds[contestant.name].append(heats)
    return [
        {"contestant": name, "processes": 1, "round_seconds": options.seconds}
        | harness.summary([own for _, own in heats], [base for base, _ in heats])
        for name, heats in rounds.items()
    ]


def main() -> None:
    """The command line."""
    options = harness.parsed(harness.arguments(__doc__, rounds=3, seconds=10))
    with tempfile.TemporaryDirectory() as folder:
        found = contestants(*data.save_large(Path(folder)))
        if records.accelerator() is None:
            values = compared(found, options, warm_up=1)
        else:
            # Two at a time would share the GPU.
            values = harness.compete(found, options, warm_up=20)
    harness.finish("large", values, options)


if __name__ == "__main__":
    main()
