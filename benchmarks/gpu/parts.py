"""The parts of the benchmark; each is a function that yields what it measures, as soon as it has it."""

import os
from collections.abc import Iterator
from typing import Any

from benchmarks import augmentation, engine, harness, packed
from benchmarks.gpu import kernels
from benchmarks.gpu.running import Found, Order, last_line
from benchmarks.harness import Contestant, Heat

ENGINE = "benchmarks.engine:stage1"
PRECISIONS = ("bfloat16", "float32")
LOSSES = 20
ROUNDS = 5


def one(order: Order) -> Iterator[Found]:
    """One training under the default compute block and under changes of it."""
    changes: dict[str, dict[str, Any]] = {
        "captured": {},
        "uncaptured": {"capture": False},
        "captured, deterministic": {"deterministic": True},
        "captured, float32": {"precision": "float32"},
    }
    yield from _in_turn(
        [Contestant(name, ENGINE, {"data": order.images, **of}) for name, of in changes.items()], order
    )


def processes(order: Order) -> Iterator[Found]:
    """1, 2, 4, 8 and 16 trainings as processes: under MPS if it works, else plain; records as `packed` makes them."""
    counts = packed.PACKED[:2] if order.stand_in else packed.PACKED_ON_GPU
    for values in _growing(counts, order):
        yield values | {"benchmark": "packed"}


def plain_processes(order: Order) -> Iterator[Found]:
    """2 and 8 trainings as processes that take turns, for comparison with MPS."""
    yield from _growing((1, 2) if order.stand_in else (2, 8), order)


def one_process(order: Order) -> Iterator[Found]:
    """16, 8, 4 and 2 trainings in one process, the largest number first since it says most."""
    counts = (2,) if order.stand_in else (16, 8, 4, 2)
    yield from _in_turn(
        [
            Contestant(
                f"{count} in one process",
                "benchmarks.engine:stage1_together",
                {"data": order.images, "count": count},
            )
            for count in counts
        ],
        order,
    )


def fused(order: Order) -> Iterator[Found]:
    """One training with `compute.fused`, its profile, and how its first losses differ from those without.

    Two trainings without show by how much losses differ anyway.
    """
    yield from _in_turn([Contestant("fused", ENGINE, {"data": order.images, "fused": True})], order)
    yield from kernels.measured("fused", order, fused=True)
    steps = 3 if order.stand_in else LOSSES
    for precision in PRECISIONS:
        plain, again, other = (
            engine.losses(order.images, steps, fused=fused, precision=precision) for fused in (False, False, True)
        )
        for name, losses in (("fused and not", other), ("not fused, twice", again)):
            value = f"{max(abs(a - b) / abs(a) for a, b in zip(plain, losses, strict=True)):.2g}"
            about = f"largest relative difference of {steps} losses, {name}"
            yield {"contestant": about, "rounds": 1, "precision": precision, "value": value}


def reference(order: Order) -> Iterator[Found]:
    """The usual loop with different numbers of loader processes, the largest first, which is likely the fastest."""
    cores = len(os.sched_getaffinity(0))
    counts = [2, 1] if order.stand_in else sorted({min(count, cores) for count in (2, 4, 8, 12, 16)}, reverse=True)
    contestants = [
        Contestant(f"reference, {count}", "benchmarks.reference:training", {"data": order.images, "workers": count})
        for count in counts
    ]
    for values, count in zip(_in_turn(contestants, order), counts, strict=True):
        yield values | {"workers": count}


def augmentations(order: Order) -> Iterator[Found]:
    """Crop and flip, mixup, Remix and RandAugment as a share of a step."""
    if order.stand_in:
        yield from augmentation.compare(order.images, rounds=1, prepared=2, trained=2)
    else:
        yield from augmentation.compare(order.images, ROUNDS)


def _in_turn(contestants: list[Contestant], order: Order) -> Iterator[Found]:
    """Values of each contestant; a ratio is that to the first."""
    first: Heat | None = None
    for each, heat in harness.in_turn(contestants, order.seconds, order.warm_up):
        if isinstance(heat, RuntimeError):
            yield {"failure": f"{each.name}: {last_line(str(heat))}"}
            continue
        first = first or heat
        yield harness.values(each, [heat], [first], order.seconds)


def _growing(counts: tuple[int, ...], order: Order) -> Iterator[Found]:
    # Where MPS runs, this process has its environment already.
    contestants = [Contestant(f"{count} ({order.how})", ENGINE, {"data": order.images}, count) for count in counts]
    first: Heat | None = None
    for each, heat in harness.growing(contestants, order.seconds, order.warm_up):
        first = first or heat
        yield harness.values(each, [heat], [first], order.seconds)
