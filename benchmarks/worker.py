"""The process of a contestant: set up, warm up, wait for the others, train for some seconds, report the images."""

import importlib
import json
import os
import select
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


@dataclass(frozen=True)
class Training:
    """The timed training: `steps` trains one batch at a time, endlessly, and yields its number of images.

    `facts` go into the record: backbone, image_size, batch_size, precision.
    """

    steps: Iterator[int]
    facts: dict[str, Any]


def main() -> None:
    """Run the order in argv[1]; lines of JSON on stdout, a line on stdin where the harness says go on."""
    order = json.loads(sys.argv[1])
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    # What a training prints must not get between the lines of JSON.
    os.dup2(2, 1)
    module, function = order["training"].split(":")
    training: Training = getattr(importlib.import_module(module), function)(**order["settings"])
    for _ in range(order["warm_up"]):
        next(training.steps)
    _synchronise()
    print(json.dumps(training.facts | {"threads": torch.get_num_threads()}), file=channel)
    sys.stdin.readline()
    clock = CLOCKS[order["clock"]]
    start, began = time.perf_counter(), clock()
    images = 0
    while time.perf_counter() - start < order["seconds"]:
        images += next(training.steps)
    _synchronise()
    print(json.dumps({"images": images, "seconds": clock() - began}), file=channel)
    # Others may still count, beside a training as before. Then the harness reads the memory of this process and of
    # its data loader's.
    while not select.select([sys.stdin], [], [], 0)[0]:
        next(training.steps)


def _synchronise() -> None:
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
