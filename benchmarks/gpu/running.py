"""Runs a part of the benchmark in a process of its own, which may fail or hang without harm to the others."""

import contextlib
import dataclasses
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from benchmarks import harness

# What a part yields, one after the other: values of a record; or {"text": lines to print}; or {"failure": why
# something was not measured}.
Found = dict[str, Any]
# What the check calls the name of the GPU.
GPU = "GPU"


@dataclass(frozen=True)
class Order:
    """What a part is told: the file of images, the seconds of a reading, and the folder for files that it writes.

    `how` says whether processes share the GPU by MPS. A stand-in does as little as possible, on the CPU.
    """

    images: str
    seconds: float
    folder: str
    how: str
    stand_in: bool = False

    @property
    def warm_up(self) -> int:
        """Steps before a reading: on a GPU more than an epoch, so that both shapes of batches are captured."""
        return 2 if self.stand_in else 100


def run(
    function: str, order: Order, limit: float, found: Callable[[Found], None], environment: Mapping[str, str]
) -> str | None:
    """Run a part ("module:function"), at most `limit` seconds; None, or a line that says why it did not end well.

    `found` is called for everything that the part yields, at once. When the part ends, so do all processes that it
    has started.
    """
    command = [sys.executable, "-m", "benchmarks.gpu.running", function, json.dumps(dataclasses.asdict(order))]
    with tempfile.TemporaryFile("w+") as messages:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
            env=harness.importing() | dict(environment),
            process_group=0,
        )
        reader = threading.Thread(target=_read, args=(process.stdout, found))
        reader.start()
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            return f"stopped after {limit:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            reader.join()
        messages.seek(0)
        return None if code == 0 else last_line(messages.read()) or f"ended with code {code}"


def last_line(text: str) -> str:
    """The last line of messages, where Python names an error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _read(lines: IO[str], found: Callable[[Found], None]) -> None:
    with lines:
        for line in lines:
            found(json.loads(line))


def _main() -> None:
    """The process of a part: runs the function of argv[1] with the order of argv[2]; results are lines of JSON."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    # What is printed otherwise must not get between the lines of JSON.
    os.dup2(2, 1)
    module, function = sys.argv[1].split(":")
    yielded: Iterator[Found] = getattr(importlib.import_module(module), function)(Order(**json.loads(sys.argv[2])))
    for each in yielded:
        print(json.dumps(each), file=channel)


if __name__ == "__main__":
    _main()
