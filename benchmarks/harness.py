"""Trainings timed against each other: every round runs each contestant once, in fresh processes of its own.

Processes of their own, so that data loader processes, thread settings, kernel choices and memory of one contestant
cannot touch another; in rounds, so that a machine that slows down slows all of them.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from benchmarks import records

from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT


@dataclass(frozen=True)
class Contestant:
    """`processes` like trainings side by side: each calls `training` ("module:function") with `settings`.

    The function gives a `worker.Training`. Its seconds are those of the wall's clock, or of the processor's time.
    """

    name: str
    training: str
    settings: dict[str, Any]
    processes: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    clock: str = "wall"


@dataclass(frozen=True)
class Heat:
    """A contestant's result of one round: images of all its processes per second, peak bytes, the worker's facts.

    `gpu_memory` are bytes on a GPU: of the processes' tensors, held for them by PyTorch, and in use on the whole GPU.
    """

    images_per_second: float
    peak_memory_bytes: int | None
    facts: dict[str, Any]
    gpu_memory: dict[str, int] = field(default_factory=dict)


def arguments(description: str | None, rounds: int, seconds: float) -> argparse.ArgumentParser:
    """The command line that every comparison of trainings has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help="rounds of all contestants (default: %(default)s)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=seconds,
        help="per contestant and round, after a warm-up (default: %(default)s)",
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these contestants beside the first, for a look")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/<name>.json")
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options; a run with only some contestants cannot be recorded, since ratios need whole rounds."""
    options = parser.parse_args()
    if options.only and options.record:
        parser.error("--only is for a look and --record wants all contestants: leave out one of them")
    return options


def compete(contestants: Sequence[Contestant], options: argparse.Namespace, warm_up: int) -> list[dict[str, Any]]:
    """Values of a record for each contestant: medians over the rounds, and of the ratios to the first of each round.

    A contestant trains `warm_up` steps and then for `options.seconds`; every other round goes backwards.
    """
    names = wanted([contestant.name for contestant in contestants], options.only)
    chosen = [contestant for contestant in contestants if contestant.name in names]
    rounds: list[dict[str, Heat]] = []
    for number in range(options.rounds):
        heats = {}
        for contestant in chosen if number % 2 == 0 else chosen[::-1]:
            heat = run(contestant, options.seconds, warm_up)
            print(f"round {number + 1}/{options.rounds}  {contestant.name}: {heat.images_per_second:.1f} images/s")
            heats[contestant.name] = heat
        rounds.append(heats)
    firsts = [heats[chosen[0].name] for heats in rounds]
    return [values(each, [heats[each.name] for heats in rounds], firsts, options.seconds) for each in chosen]


def values(contestant: Contestant, heats: Sequence[Heat], firsts: Sequence[Heat], seconds: float) -> dict[str, Any]:
    """The values of a contestant's record from its heats of `seconds` and those of the first contestant."""
    about = {"contestant": contestant.name, "processes": contestant.processes, "round_seconds": seconds}
    return about | summary(heats, firsts)


def wanted(names: Sequence[str], only: Sequence[str] | None) -> list[str]:
    """The first name and those that `--only` gives; all of them without it."""
    if only is None:
        return list(names)
    if unknown := sorted(set(only) - set(names)):
        raise InputError(f"--only: there is no contestant '{unknown[0]}' here (known: {', '.join(names)})")
    return [name for name in names if name in (names[0], *only)]


def summary(heats: Sequence[Heat], firsts: Sequence[Heat]) -> dict[str, Any]:
    """The values of a record from a contestant's heats and those of the first contestant, round by round."""
    speeds = [heat.images_per_second for heat in heats]
    ratios = [heat.images_per_second / first.images_per_second for heat, first in zip(heats, firsts, strict=True)]
    memory = [heat.peak_memory_bytes for heat in heats if heat.peak_memory_bytes is not None]
    return heats[0].facts | {
        "rounds": len(heats),
        **records.spread("images_per_second", speeds),
        "ratio": statistics.median(ratios),
        "peak_memory_bytes": max(memory, default=None),
        **{name: max(heat.gpu_memory[name] for heat in heats) for name in heats[0].gpu_memory},
    }


def finish(benchmark: str, values: Sequence[dict[str, Any]], options: argparse.Namespace) -> None:
    """Print the records of this machine as a table; keep them with `--record`."""
    made = records.stamped(benchmark, values)
    print(f"\n{records.table(made)}")
    if options.record:
        records.write(benchmark, made)


def run(contestant: Contestant, seconds: float, warm_up: int) -> Heat:
    """One heat: all processes warm up, wait for each other, and train for `seconds`.

    Raises RuntimeError, with the end of its messages, when a process ends early.
    """
    return together([contestant], seconds, warm_up)[0]


def together(contestants: Sequence[Contestant], seconds: float, warm_up: int) -> list[Heat]:
    """A heat of each contestant, all of them side by side in the same seconds; otherwise as `run`."""
    with contextlib.ExitStack() as stack:
        groups = [_started(stack, each, each.processes, seconds, warm_up) for each in contestants]
        workers = [worker for group in groups for worker in group]
        facts = iter(_set_up(workers))
        reports = iter(_count(workers))
        return [_heat([(next(facts), next(reports)) for _ in group]) for group in groups]


def growing(contestants: Sequence[Contestant], seconds: float, warm_up: int) -> Iterator[tuple[Contestant, Heat]]:
    """A heat of each contestant, which differ in their names and have more and more processes; otherwise as `run`.

    A process takes part in all later heats, so that each is started only once; those of a contestant that are new set
    up together.
    """
    with contextlib.ExitStack() as stack:
        workers = _started(stack, contestants[-1], contestants[-1].processes, seconds, warm_up)
        facts: list[dict[str, Any]] = []
        for each in contestants:
            facts += _set_up(workers[len(facts) : each.processes])
            yield each, _heat(list(zip(facts, _count(workers[: each.processes]), strict=True)))


def in_turn(
    contestants: Sequence[Contestant], seconds: float, warm_up: int
) -> Iterator[tuple[Contestant, Heat | RuntimeError]]:
    """A heat of each contestant, of one process; the error of one that ended early, and the others go on.

    Their imports run at once, which saves time; then each sets up, counts and leaves before the next one sets up.
    """
    with contextlib.ExitStack() as stack:
        workers = [worker for each in contestants for worker in _started(stack, each, 1, seconds, warm_up)]
        for contestant, worker in zip(contestants, workers, strict=True):
            result: Heat | RuntimeError
            try:
                facts = _set_up([worker])
                result = _heat([(facts[0], _count([worker])[0])])
            except RuntimeError as error:
                result = error
            worker.leave()
            yield contestant, result


def _started(
    stack: contextlib.ExitStack, contestant: Contestant, processes: int, seconds: float, warm_up: int
) -> list["_Worker"]:
    return [stack.enter_context(_worker(contestant, seconds, warm_up)) for _ in range(processes)]


def _set_up(workers: Sequence["_Worker"]) -> list[dict[str, Any]]:
    """Have workers that have been started set up and warm up, all at once, and wait; their facts."""
    for worker in workers:
        worker.receive()
    for worker in workers:
        worker.go_on()
    return [worker.receive() for worker in workers]


def _count(workers: Sequence["_Worker"]) -> list[dict[str, Any]]:
    """Have workers count side by side, and wait again; their reports, each with the peak memory of its processes."""
    for worker in workers:
        worker.go_on()
    reports = [worker.receive() for worker in workers]
    reports = [
        report | {"peak_memory_bytes": peak_memory(worker.process.pid)}
        for report, worker in zip(reports, workers, strict=True)
    ]
    for worker in workers:
        worker.go_on()
    return reports


def _heat(workers: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> Heat:
    """The heat of a contestant from its workers' facts and reports."""
    reports = [report for _, report in workers]
    on_gpu = [report["gpu_memory"] for report in reports]
    memory = {name: sum(each[name] for each in on_gpu) for name in on_gpu[0]}
    if memory:  # what is in use of the whole GPU is that of all processes already
        memory["gpu_used_bytes"] = max(each["gpu_used_bytes"] for each in on_gpu)
    speed = sum(report["images"] / report["seconds"] for report in reports)
    return Heat(speed, _total(report["peak_memory_bytes"] for report in reports), workers[0][0], memory)


def importing() -> dict[str, str]:
    """The environment of a process that imports the packages of this checkout."""
    paths = [str(ROOT / "lib"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@dataclass(frozen=True)
class _Worker:
    """A process of `benchmarks.worker`, which prints lines of JSON and waits for the harness."""

    name: str
    process: subprocess.Popen[str]
    messages: IO[str]

    def receive(self) -> Any:
        """The next message; RuntimeError, with the end of what it has printed, if the process has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.messages.seek(0)
            raise RuntimeError(f"{self.name} ended early:\n{self.messages.read()[-3000:]}")
        return json.loads(line)

    def go_on(self) -> None:
        """Let it set up, count, or stop counting."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def leave(self) -> None:
        """End the process when it waits, so that its memory is free."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@contextlib.contextmanager
def _worker(contestant: Contestant, seconds: float, warm_up: int) -> Iterator[_Worker]:
    order = {"training": contestant.training, "settings": contestant.settings, "warm_up": warm_up, "seconds": seconds}
    order |= {"clock": contestant.clock}
    command = [sys.executable, "-m", "benchmarks.worker", json.dumps(order)]
    environment = importing() | contestant.environment
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+") as messages,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=messages, text=True, env=environment) as process,
    ):
        try:
            yield _Worker(contestant.name, process, messages)
        except BaseException:
            process.kill()
            raise


def peak_memory(pid: int) -> int | None:
    """Peak bytes of a process and all its descendants; None where /proc does not tell.

    Of each process its peak (VmHWM) less what it shares with others (Rss − Pss): a forked data loader has all of its
    parent's pages in its own peak. The peaks need not have come at one time, so the sum is an upper bound.
    """
    folder = Path("/proc", str(pid))
    try:
        peak = _kilobytes(folder / "status", "VmHWM")
        shared = _kilobytes(folder / "smaps_rollup", "Rss") - _kilobytes(folder / "smaps_rollup", "Pss")
        children = [int(child) for task in folder.glob("task/*/children") for child in task.read_text().split()]
    except (OSError, StopIteration):
        return None
    return _total([1024 * (peak - shared), *map(peak_memory, children)])


def _kilobytes(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(f"{name}:"))


def _total(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
