"""Titles per second of Stage 1: the engine against a plain loop (benchmarks/reference_titles.py), network by network.

TextCNN, TextRNN and Transformer on random titles of 32 characters with vectors of 200 numbers, batches of 128, Adam.
On a CPU everyone has one thread, as the workflow fills a machine with one-thread runs, and counts by the time of its
own processor, which other work on the machine leaves alone; the time of the data loader of the loop is not in it, to
its favour. In the columns below, images are titles and their size is in characters.
"""

import tempfile
from pathlib import Path

from benchmarks import data, harness, records
from benchmarks.harness import Contestant

BACKBONES = ("textcnn", "textrnn", "transformer")


def contestants(titles: str, backbone: str, on_gpu: bool) -> list[Contestant]:
    """The reference first, then the engine; `titles` is a file of arrays."""
    told, clock = {"data": titles, "backbone": backbone}, "wall" if on_gpu else "processor"
    reference = Contestant(f"{backbone}, reference", "benchmarks.reference_titles:training", told, clock=clock)
    precisions = ("float32", "bfloat16")
    return [reference] + [
        Contestant(
            f"{backbone}, {precision}", "benchmarks.engine:titles", told | {"precision": precision}, clock=clock
        )
        for precision in precisions
    ]


def main() -> None:
    """The command line."""
    options = harness.parsed(harness.arguments(__doc__, rounds=5, seconds=20))
    on_gpu = records.accelerator() is not None
    with tempfile.TemporaryDirectory() as folder:
        titles = data.save_titles(Path(folder))
        found = [
            values
            for backbone in BACKBONES
            for values in harness.compete(contestants(titles, backbone, on_gpu), options, warm_up=4)
        ]
    harness.finish("titles", found, options)


if __name__ == "__main__":
    main()
