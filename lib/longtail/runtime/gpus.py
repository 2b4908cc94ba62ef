"""Assigns GPUs of this machine to jobs: a file lock for each slot, which the kernel frees however the job ends."""

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
    """The GPUs that this process may use, by their CUDA number or name: those of CUDA_VISIBLE_DEVICES, else all."""
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    files = [path for path in DEVICES.glob("nvidia*") if re.fullmatch(r"nvidia\d+", path.name)]
    return [str(number) for number in range(len(files))]


@contextlib.contextmanager
def reserved(count: int, jobs_each: int) -> Iterator[None]:
    """Hold a slot on each of `count` GPUs, which have `jobs_each` slots each, and make only these visible to CUDA.

    Waits until they are free. Enter it before PyTorch is imported. Nothing is done for a job that requests no GPU,
    or if a scheduler or the user has already assigned no more GPUs than requested (`CUDA_VISIBLE_DEVICES`).
    """
    names = devices()
    assigned = VISIBLE in os.environ and len(names) <= count
    if count == 0 or assigned or not names:
        yield
        return
    LOCKS.mkdir(exist_ok=True)
    requested, waiting_logged = min(count, len(names)), False
    while True:
        with contextlib.ExitStack() as held:
            taken = _take(names, requested, jobs_each, held)
            if len(taken) == requested:
                # Child processes inherit this.
                os.environ[VISIBLE] = ",".join(taken)
                log.info("on GPU %s", ", ".join(taken))
                yield
                return
        if not waiting_logged:
            log.info("waiting for %d of %d GPUs", requested, len(names))
            waiting_logged = True
        # A random time, so that two jobs that hold a part of what both need do not retry at the same moment.
        time.sleep(random.uniform(*WAIT_SECONDS))


def _take(names: Sequence[str], requested: int, jobs_each: int, held: contextlib.ExitStack) -> list[str]:
    """Lock a slot on up to `requested` different GPUs, the least used first; closing `held` releases all."""
    taken: list[str] = []
    for slot in range(jobs_each):
        for name in names:
            if len(taken) < requested and name not in taken and _lock(f"{name}.{slot}".replace("/", "_"), held):
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
