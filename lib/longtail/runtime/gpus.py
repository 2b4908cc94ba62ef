"""Which GPU of this machine a job computes on: a lock for each slot, which the kernel frees however the job ends."""

import contextlib
import fcntl
import logging
import os
import random
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

log = logging.getLogger(__name__)
DEVICES = Path("/dev")
LOCKS = Path(tempfile.gettempdir()) / f"longtail-gpus-{os.getuid()}"
VISIBLE = "CUDA_VISIBLE_DEVICES"
WAIT_SECONDS = (0.2, 1.0)


def devices() -> list[str]:
    """GPUs this process may have, as CUDA numbers or names them: those chosen already, else the machine's."""
    chosen = os.environ.get(VISIBLE)
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip()]
    found = [path for path in DEVICES.glob("nvidia*") if re.fullmatch(r"nvidia\d+", path.name)]
    return [str(number) for number in range(len(found))]


@contextlib.contextmanager
def reserved(count: int, jobs_each: int) -> Iterator[None]:
    """Hold a slot on each of `count` GPUs, of which each has `jobs_each`, and show CUDA these GPUs alone.

    Waits until they are free. Enter it before PyTorch is imported. A job that wants none is left alone, and so is
    one to which a scheduler or a person has given no more than it wants (`CUDA_VISIBLE_DEVICES`).
    """
    names = devices()
    given = VISIBLE in os.environ and len(names) <= count
    if count == 0 or given or not names:
        yield
        return
    LOCKS.mkdir(exist_ok=True)
    wanted, told = min(count, len(names)), False
    while True:
        with contextlib.ExitStack() as held:
            taken = _take(names, wanted, jobs_each, held)
            if len(taken) == wanted:
                # The children of this process see them too.
                os.environ[VISIBLE] = ",".join(taken)
                log.info("on GPU %s", ", ".join(taken))
                yield
                return
        if not told:
            log.info("waiting for %d of %d GPUs", wanted, len(names))
            told = True
        # Two jobs that each hold one of the two that both want try again at different times.
        time.sleep(random.uniform(*WAIT_SECONDS))


def _take(names: Sequence[str], wanted: int, jobs_each: int, held: contextlib.ExitStack) -> list[str]:
    """Lock a slot on as many different GPUs, the emptiest first; all are given up with `held`."""
    taken: list[str] = []
    for slot in range(jobs_each):
        for name in names:
            if len(taken) < wanted and name not in taken and _lock(f"{name}.{slot}".replace("/", "_"), held):
                taken.append(name)
    return taken


def _lock(name: str, held: contextlib.ExitStack) -> bool:
    with contextlib.ExitStack() as opened:
        handle = opened.enter_context((LOCKS / name).open("w"))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        held.push(opened.pop_all())
    return True
