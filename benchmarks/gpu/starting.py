"""From the start of a process to the first step of a Stage 1, in phases: one job alone, and eight at once."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import data, harness, records
from benchmarks.gpu.running import Found, Order, last_line

AT_ONCE = 8


def start_up(order: Order) -> Iterator[Found]:
    """Seconds of each phase, and of all of them, over the jobs that start at once."""
    images, imbalance = order.images, "if10"
    if not order.stand_in:
        images, imbalance = data.save_cifar_sized(Path(order.images).parent), "if100"
    for count in (1, 2 if order.stand_in else AT_ONCE):
        jobs = phases(images, imbalance, count)
        for phase in jobs[0]:
            yield {
                "contestant": f"{phase}, {'alone' if count == 1 else f'{count} at once'}",
                "rounds": 1,
                "processes": count,
                **records.spread("seconds", [job[phase] for job in jobs]),
            }


def phases(images: str, imbalance: str, count: int) -> list[dict[str, float]]:
    """For each of `count` jobs that start at once the seconds of its phases, in order, and last their sum."""
    running = []
    for _ in range(count):
        command = [sys.executable, "-m", "benchmarks.gpu.starting", images, imbalance, repr(time.monotonic())]
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=harness.importing()))
    found = []
    for process in running:
        printed, messages = process.communicate()
        if process.returncode:
            raise RuntimeError(f"a job ended before its first step: {last_line(messages)}")
        found.append(json.loads(printed.splitlines()[-1]))
    return found


def _main() -> None:
    """One job; argv has the file of images, the imbalance, and the system's clock when the process was started."""
    from benchmarks import engine

    images, imbalance, started = sys.argv[1], sys.argv[2], float(sys.argv[3])
    now = time.monotonic()
    seconds = {"imports": now - started}
    for phase in engine.start(images, imbalance):
        before, now = now, time.monotonic()
        seconds[phase] = now - before
    print(json.dumps(seconds | {"all of it": now - started}))


if __name__ == "__main__":
    _main()
