"""Titles per second of Stage 1: the engine against a plain loop (benchmarks/reference_titles.py), network by network.

TextCNN, TextRNN and Transformer on random titles of 32 characters with vectors of 200 numbers, batches of 128, Adam.
On a CPU the engine runs with all cores, and as one-thread runs side by side, as many as cores, which is how the
workflow fills a machine. In the columns below, images are titles and their size is in characters.
"""

import os
import tempfile
from pathlib import Path

from benchmarks import data, harness, records
from benchmarks.harness import Contestant

BACKBONES = ("textcnn", "textrnn", "transformer")


def contestants(titles: str, backbone: str, on_gpu: bool) -> list[Contestant]:
    """The reference first, then the engine; `titles` is a file of arrays."""
    told = {"data": titles, "backbone": backbone}
    reference = Contestant(f"{backbone}, reference", "benchmarks.reference_titles:training", told)
    if on_gpu:
        return [reference, Contestant(f"{backbone}, captured", "benchmarks.engine:titles", told)]
    cores = len(os.sched_getaffinity(0))
    return [reference] + [
        Contestant(f"{backbone}, {name}", "benchmarks.engine:titles", told | compute, processes)
        for name, compute, processes in (
            ("one run, bfloat16", {"precision": "bfloat16", "threads": cores}, 1),
            ("side by side, bfloat16", {"precision": "bfloat16"}, cores),
        )
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
            for values in harness.compete(contestants(titles, backbone, on_gpu), options, warm_up=10)
        ]
    harness.finish("titles", found, options)


if __name__ == "__main__":
    main()
