"""The kernels of training steps: how many, how long the GPU is busy and idle, and which take most of the time."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from benchmarks import engine
from benchmarks.gpu.running import Found, Order

from longtail.runtime import files

# Images are augmented for 16 batches at a time: steps of two such chunks have their share of it.
STEPS = 32
LARGEST = 25
# Of a name in the printed table; the file has whole names.
SHOWN = 70
# What PyTorch's trace calls the work of a GPU; a stand-in shows the operators of the CPU in their place.
ON_GPU, ON_CPU = ("kernel", "gpu_memcpy", "gpu_memset"), ("cpu_op",)


@dataclass(frozen=True)
class Kernel:
    """One kernel, or copy, that ran: its start and duration in milliseconds."""

    name: str
    start: float
    duration: float


def profile(order: Order) -> Iterator[Found]:
    """Captured and uncaptured steps of the default training."""
    yield from measured("captured", order)
    yield from measured("uncaptured", order, capture=False)


def measured(name: str, order: Order, **changes: Any) -> Iterator[Found]:
    """The values of a profile, and its table of kernels, of training with `changes` of the compute block."""
    steps = engine.stage1(order.images, **changes).steps
    count = 2 if order.stand_in else STEPS
    _train(steps, order.warm_up)
    began = time.perf_counter()
    _train(steps, count)
    unprofiled = (time.perf_counter() - began) / count * 1000
    kernels = recorded(steps, count, Path(order.images).with_name("trace.json"))
    if not kernels:
        yield {"failure": f"{name}: PyTorch's profiler saw no kernels"}
        return
    busy = busy_milliseconds(kernels)
    span = max(each.start + each.duration for each in kernels) - min(each.start for each in kernels)
    yield {
        "contestant": f"{name}, profiled",
        "rounds": 1,
        "kernels": len(kernels) / count,
        "step_milliseconds": unprofiled,
        "busy_milliseconds": busy / count,
        "idle_milliseconds": (span - busy) / count,
    }
    rows = largest(kernels, count)
    yield {"text": f"The largest of {len(rows)} kernels, {name}:\n\n{table(rows[:LARGEST], SHOWN)}"}
    if not order.stand_in:
        path = Path(order.folder, f"gpu_kernels_{name}.md")
        files.write_text(
            path, f"All kernels of a step, {name}, on {torch.cuda.get_device_name()}:\n\n{table(rows)}\n"
        )
        yield {"text": f"All of them are in {path}."}


def recorded(steps: Iterator[int], count: int, trace: Path) -> list[Kernel]:
    """The kernels of the next `count` steps; `trace` is a file to write to."""
    on_gpu = torch.cuda.is_available()
    activity = torch.profiler.ProfilerActivity.CUDA if on_gpu else torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[activity]) as profiler:
        _train(steps, count)
    profiler.export_chrome_trace(str(trace))
    events = json.loads(trace.read_text())["traceEvents"]
    kinds = ON_GPU if on_gpu else ON_CPU
    return [
        Kernel(each["name"], each["ts"] / 1000, each["dur"] / 1000) for each in events if each.get("cat") in kinds
    ]


def busy_milliseconds(kernels: Iterable[Kernel]) -> float:
    """Time in which at least one kernel ran."""
    busy, until = 0.0, float("-inf")
    for each in sorted(kernels, key=lambda kernel: kernel.start):
        end = each.start + each.duration
        busy += max(0.0, end - max(until, each.start))
        until = max(until, end)
    return busy


def largest(kernels: Sequence[Kernel], steps: int) -> list[tuple[str, float, float, float]]:
    """For each name its kernels a step, milliseconds a step and share of all time, the largest share first."""
    total = sum(each.duration for each in kernels)
    times: dict[str, list[float]] = {}
    for each in kernels:
        times.setdefault(each.name, []).append(each.duration)
    rows = [(name, len(of), sum(of)) for name, of in times.items()]
    rows.sort(key=lambda row: -row[2])
    return [(name, count / steps, spent / steps, spent / total) for name, count, spent in rows]


def table(rows: Iterable[tuple[str, float, float, float]], width: int | None = None) -> str:
    """Rows of `largest` as Markdown, with names of at most `width` characters."""
    lines = ["| kernel | a step | ms a step | % of all kernels |", "| --- | --- | --- | --- |"]
    for name, count, milliseconds, share in rows:
        shown = name[:width].replace("|", "/")
        lines.append(f"| `{shown}` | {count:.4g} | {milliseconds:.4f} | {100 * share:.1f} |")
    return "\n".join(lines)


def _train(steps: Iterator[int], count: int) -> None:
    for _ in range(count):
        next(steps)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
