"""The process of a contestant: import, set up, warm up, train for some seconds, report the images.

It waits for the harness before it sets up and before it counts, and counts as often as it is told to.
"""

import importlib
import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
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
    make = getattr(importlib.import_module(module), function)
    print(json.dumps("imported"), file=channel)
    sys.stdin.readline()
    training: Training = make(**order["settings"])
    for _ in range(order["warm_up"]):
        next(training.steps)
    _synchronise()
    print(json.dumps(training.facts | {"threads": torch.get_num_threads()}), file=channel)
    # An empty line says: count. The end of the input says: leave.
    while sys.stdin.readline():
        print(json.dumps(_counted(training.steps, order["seconds"], CLOCKS[order["clock"]])), file=channel)
        # Others may still count, beside a training as before. Then the harness reads the memory of this process and
        # of its data loader's.
        while not select.select([sys.stdin], [], [], 0)[0]:
            next(training.steps)
        sys.stdin.readline()


def _counted(steps: Iterator[int], seconds: float, clock: Callable[[], float]) -> dict[str, Any]:
    """Images and seconds of the steps that begin within `seconds`, and the memory that they take on a GPU."""
    start, began = time.perf_counter(), clock()
    images = 0
    while time.perf_counter() - start < seconds:
        images += next(steps)
    _synchronise()
    return {"images": images, "seconds": clock() - began, "gpu_memory": _gpu_memory()}


def _gpu_memory() -> dict[str, int]:
    """Peak bytes of this process's tensors and of what PyTorch holds for them, and bytes in use of the whole GPU."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return {}
    free, total = torch.cuda.mem_get_info()
    return {
        "gpu_allocated_bytes": torch.cuda.max_memory_allocated(),
        "gpu_reserved_bytes": torch.cuda.max_memory_reserved(),
        "gpu_used_bytes": total - free,
    }


def _synchronise() -> None:
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
