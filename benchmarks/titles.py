"""Titles per second of Stage 1: the engine against a plain loop (benchmarks/reference_titles.py), network by network.

TextCNN, TextRNN and Transformer on random titles of 32 characters with vectors of 200 numbers, batches of 128, Adam.
On a CPU the loop has all cores, and the engine runs once with all cores and as one-thread runs side by side, as many
as cores, which is how the workflow fills a machine; each in float32 and in bfloat16. On a GPU everyone runs once. In
the columns below, images are titles and their size is in characters.
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
    cores = len(os.sched_getaffinity(0))
    found = [Contestant(f"{backbone}, reference", "benchmarks.reference_titles:training", told | {"threads": cores})]
    for precision in ("float32", "bfloat16"):
        chosen = told | {"precision": precision}
        found.append(_engine(f"{backbone}, one run, {precision}", chosen | {"threads": cores}))
        if not on_gpu:
            found.append(_engine(f"{backbone}, side by side, {precision}", chosen, processes=cores))
    return found


def _engine(name: str, settings: dict[str, object], processes: int = 1) -> Contestant:
    return Contestant(name, "benchmarks.engine:titles", settings, processes)


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
