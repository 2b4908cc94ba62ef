"""Parts for the GPU benchmark that measure nothing."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gpu.running import Found, Order


def works(order: Order) -> Iterator[Found]:
    """Prints, which must not disturb, and gives one value."""
    print("not JSON")
    yield {"contestant": "works", "rounds": 1, "value": "fine"}


def raises(order: Order) -> Iterator[Found]:
    """Gives a value, and then an error of two lines."""
    yield {"contestant": "before it raises", "rounds": 1, "value": "kept"}
    raise ValueError("first line\nno such kernel")


def hangs(order: Order) -> Iterator[Found]:
    """Gives a value, starts a process, whose number it writes down, and never ends."""
    yield {"contestant": "before it hangs", "rounds": 1, "value": "kept"}
    process = subprocess.Popen(["sleep", "600"])
    Path(order.folder, "pid").write_text(str(process.pid))
    time.sleep(600)
