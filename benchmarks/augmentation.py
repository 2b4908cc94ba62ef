"""Milliseconds a batch that augmenting and mixing take, and their share of a training step.

Batches of 128 CIFAR-shaped images, one thread or a GPU. Each operation is the time of preparing batches with it less
that of preparing them without any (the first row: choosing, fetching and normalising). A training step is one of the
usual Stage 1: crop, flip, mixup, forward, backward and update.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from benchmarks import data, engine, harness, records

# Multiples of 16: so many batches are augmented at a time.
PREPARED = 96
TRAINED = 16
PLAIN = {"preprocessing": replace(engine.CIFAR, crop_padding=0, flip=False), "mixing": None}
OPERATIONS: dict[str, dict[str, Any]] = {
    "crop and flip": PLAIN | {"preprocessing": engine.CIFAR},
    "mixup": PLAIN | {"mixing": engine.MIXUP},
    "Remix": PLAIN | {"mixing": engine.REMIX},
    "RandAugment": PLAIN | {"randaugment": engine.RANDAUGMENT},
}
BASE, STEP = "fetch and normalise", "training step"


def milliseconds(work: Callable[[], None], device: torch.device) -> float:
    """Time of `work` on the device, by CUDA events on a GPU."""
    if device.type == "cuda":
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        work()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end))
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def over_batches(learner: Any, act: Callable[[Any], object], count: int) -> Callable[[], None]:
    """A function that draws the first batches of an epoch and applies an operation to each."""

    def work() -> None:
        for batch in itertools.islice(learner.batches(learner.epoch(1)), count):
            act(batch)

    return work


def measured(works: dict[str, tuple[Callable[[], None], int]], device: torch.device) -> dict[str, float]:
    """Milliseconds a batch of every work, given with its number of batches."""
    return {name: milliseconds(work, device) / count for name, (work, count) in works.items()}


def values(rounds: list[dict[str, float]]) -> list[dict[str, Any]]:
    """Values of a record for each operation: its own milliseconds a batch and their share of a step of the round."""
    found = []
    for name in rounds[0]:
        own = [times[name] - (times[BASE] if name in OPERATIONS else 0.0) for times in rounds]
        shares = [time / times[STEP] for time, times in zip(own, rounds, strict=True)]
        spread = records.spread("milliseconds", own)
        found.append({"contestant": name, "rounds": len(rounds), "share": statistics.median(shares)} | spread)
    return found


def compare(images: str, rounds: int, prepared: int = PREPARED, trained: int | None = None) -> list[dict[str, Any]]:
    """Values of a record for each operation; `images` is a file of arrays of at least `prepared` batches.

    A step is timed over `trained` batches: as many on a GPU, fewer on a CPU.
    """
    whole = engine.stage1_learner(images)
    works = {}
    for name, changes in {BASE: PLAIN, **OPERATIONS}.items():
        learner = engine.stage1_learner(images, **changes)
        works[name] = over_batches(learner, engine.prepare(learner), prepared), prepared
    steps = trained or (prepared if whole.backend.device.type == "cuda" else TRAINED)
    works[STEP] = over_batches(whole, engine.train(whole), steps), steps
    facts = engine.facts(whole, data.load(images)) | {"threads": torch.get_num_threads(), "processes": 1}
    measured(works, whole.backend.device)
    found = values([measured(works, whole.backend.device) for _ in range(rounds)])
    return [each | facts for each in found]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="rounds of all operations (default: %(default)s)")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/augmentation.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = compare(data.save(Path(folder), "cifar"), options.rounds)
    harness.finish("augmentation", found, options)


if __name__ == "__main__":
    main()
