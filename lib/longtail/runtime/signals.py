"""Signals that ask a job to stop (preemption on a cluster, Ctrl-C): noted, so that it can save its state first."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Stopped(Exception):
    """The job was asked to stop and has saved its state; `number` is the number of the signal."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


@contextlib.contextmanager
def noted() -> Iterator[Callable[[], int]]:
    """Within the block these signals are only noted: the yielded function returns the last one's number, or 0."""
    received = [0]

    def note(number: int, frame: FrameType | None) -> None:
        received[0] = number

    before = {number: signal.signal(number, note) for number in ASKING}
    try:
        yield lambda: received[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
