"""Being asked to stop (a cluster's preemption, Ctrl-C): noted, so that the work at hand can be put away first."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Stopped(Exception):
    """The job was asked to stop and has saved what it had; `number` is the signal's."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


@contextlib.contextmanager
def noted() -> Iterator[Callable[[], int]]:
    """Within the block these signals only set the number that the function given tells; 0 before."""
    received = [0]

    def note(number: int, frame: FrameType | None) -> None:
        received[0] = number

    before = {number: signal.signal(number, note) for number in ASKING}
    try:
        yield lambda: received[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
