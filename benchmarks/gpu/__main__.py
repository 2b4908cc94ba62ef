"""Everything that is measured on a GPU, in one run of some four minutes.

Each part runs in a process of its own with a limit of time: one that fails or hangs is reported in a line, and the
rest go on. Records are written as soon as a part ends: the speeds of trainings side by side as those of
`benchmarks.packed`, everything else in gpu.json. Needs PyTorch 2.9 or newer with CUDA and torchvision, but no
Snakemake, pandas or Matplotlib, and no network.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import data, packed, records
from benchmarks.gpu import running
from benchmarks.gpu.running import Found, Order
from benchmarks.records import Record

from longtail.runtime import mps


@dataclass(frozen=True)
class Part:
    """A part, with the seconds that it may need on a fast GPU, by which the parts share the time.

    Where `under_mps`, its processes share the GPU by MPS if that works.
    """

    name: str
    function: str
    seconds: float
    under_mps: bool = False


CHECK = Part("check", "benchmarks.gpu.device:check", 60)
# The most important first: those at the end go without if the time is over.
PARTS = (
    Part("one", "benchmarks.gpu.parts:one", 28),
    Part("profile", "benchmarks.gpu.kernels:profile", 16),
    Part("processes", "benchmarks.gpu.parts:processes", 42, under_mps=True),
    Part("start-up", "benchmarks.gpu.starting:start_up", 28, under_mps=True),
    Part("one_process", "benchmarks.gpu.parts:one_process", 32),
    Part("fused", "benchmarks.gpu.parts:fused", 30),
    Part("augmentation", "benchmarks.gpu.parts:augmentations", 16),
    Part("reference", "benchmarks.gpu.parts:reference", 30),
    Part("plain_processes", "benchmarks.gpu.parts:plain_processes", 28),
)
# A part may take so many times its share of the time that is left.
LENIENCE = 1.5
# With less, a part does not start.
LEAST_SECONDS = 5


class Results:
    """What has been measured and what has not; printed at once, written when a part ends."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.gpu: str | None = None
        self.made: list[Record] = []
        self.failures: list[str] = []

    def run(self, part: Part, order: Order, limit: float, environment: Mapping[str, str]) -> None:
        """Run a part and write its records; without a folder none are written."""
        print(f"\n{part.name}, at most {limit:.0f} s", flush=True)
        before = len(self.made)
        try:
            failure = running.run(part.function, order, limit, lambda found: self.add(part, found), environment)
            if failure:
                self.fail(f"{part.name}: failed: {failure}")
        finally:
            # Without a GPU nothing is a record.
            if self.folder and self.gpu:
                self._write(self.made[before:], self.folder)

    def add(self, part: Part, found: Found) -> None:
        """Take in what a part has found."""
        if "text" in found:
            print(found["text"], flush=True)
        elif "failure" in found:
            self.fail(f"{part.name}: failed: {found['failure']}")
        else:
            if found["contestant"] == running.GPU:
                self.gpu = found["value"]
            record = records.stamp("gpu", self.gpu) | {"part": part.name} | found
            self.made.append(record)
            print(records.line(record), flush=True)

    def fail(self, line: str) -> None:
        """Say that a part, or something of it, was not measured."""
        self.failures.append(line)
        print(line, flush=True)

    @staticmethod
    def _write(made: Sequence[Record], folder: Path) -> None:
        for benchmark in {record["benchmark"] for record in made}:
            ours = [record for record in made if record["benchmark"] == benchmark]
            if benchmark == "packed":  # as benchmarks.packed writes them
                ours = [{key: value for key, value in record.items() if key != "part"} for record in ours]
            records.write(benchmark, ours, folder)


def limit(parts: Sequence[Part], left: float) -> float:
    """Seconds that the first of these parts may take if `left` are left for all of them."""
    share = left * parts[0].seconds / sum(part.seconds for part in parts)
    return min(left, LENIENCE * share)


def measure(parts: Sequence[Part], order: Order, results: Results, deadline: float) -> None:
    """Run the parts, in order, until the deadline of the monotonic clock."""
    with contextlib.ExitStack() as stack:
        # One that somebody has started serves all processes.
        plain: dict[str, str] | None = {} if mps.is_running() else None
        sharing, with_mps = plain, False
        for number, part in enumerate(parts):
            if part.under_mps != with_mps:
                stack.close()
                sharing = stack.enter_context(mps.running()) if part.under_mps else plain
                with_mps = part.under_mps
            seconds = limit(parts[number:], deadline - time.monotonic())
            if seconds < LEAST_SECONDS:
                results.fail(f"{part.name}: not run: no time was left; raise --minutes, or choose parts with --only")
                continue
            results.run(part, replace(order, how=packed.how(sharing)), seconds, sharing or {})


def main() -> None:
    """The command line."""
    options = _arguments().parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("stopped"))
    if options.stand_in:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    results = Results(None if options.stand_in else options.folder)
    with tempfile.TemporaryDirectory() as folder:
        order = Order("", options.seconds, str(options.folder), packed.how(None), options.stand_in)
        results.run(CHECK, order, min(CHECK.seconds, 60 * options.minutes), {})
        if results.failures:
            sys.exit("The check must end well before anything is measured.")
        if not results.gpu and not options.stand_in:
            sys.exit("PyTorch sees no GPU here: run on a machine with one, or with --stand-in to try the program.")
        images = data.save_few(Path(folder)) if options.stand_in else data.save(Path(folder), "cifar")
        parts = [part for part in PARTS if part.name in (options.only or [each.name for each in PARTS])]
        measure(parts, replace(order, images=images), results, deadline)
    if options.stand_in:
        print("\nStand-in on a processor: shows that the program works. Its numbers say nothing of a GPU.")
    print(f"\n{records.table(results.made)}")
    print("\n".join(["", *results.failures]))
    sys.exit(1 if results.failures else 0)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=4, help="of the whole run (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=2, help="of each reading, after a warm-up (default: %(default)s)"
    )
    names = [part.name for part in PARTS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="PART", help=f"of {', '.join(names)}")
    parser.add_argument(
        "--folder", type=Path, default=records.RESULTS, help="for records and kernels (default: benchmarks/results)"
    )
    parser.add_argument(
        "--stand-in", action="store_true", help="run every part on the processor, tiny, to try the program"
    )
    return parser


if __name__ == "__main__":
    main()
