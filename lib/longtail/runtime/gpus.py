"""Assigns GPUs of this machine to jobs by locks on files, which the kernel frees however a job ends.

A GPU has a lock for each job that shares it (a slot), and one for its entry: a job holds the entry while it takes a
slot, and a job that needs the GPU for itself holds the entry all the time.
"""

import contextlib
import fcntl
import logging
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from longtail.runtime import visible_gpus

log = logging.getLogger(__name__)
LOCKS = Path(tempfile.gettempdir()) / f"longtail-gpus-{os.getuid()}"
WAIT_SECONDS = (0.2, 1.0)


@contextlib.contextmanager
def reserved(count: int, jobs_each: int) -> Iterator[None]:
    """Hold `count` GPUs, each shared by at most `jobs_each` jobs, and make only these visible.

    Waits until they are free; a job with `jobs_each` 1 is alone on its GPUs. Enter it before PyTorch is imported.
    Nothing is done for a job that requests no GPU, or if a scheduler or the user has already assigned no more GPUs
    than requested.
    """
    names, variable = visible_gpus.names(), visible_gpus.variable()
    if count == 0 or not names:
        yield
        return
    if variable in os.environ and len(names) <= count:
        log.info("on GPU %s", ", ".join(names))
        yield
        return
    LOCKS.mkdir(exist_ok=True)
    requested, waiting_logged = min(count, len(names)), False
    while True:
        with contextlib.ExitStack() as held:
            taken = _whole(names, requested, held) if jobs_each == 1 else _slots(names, requested, jobs_each, held)
            if len(taken) == requested:
                # Child processes inherit this.
                os.environ[variable] = ",".join(taken)
                log.info("on GPU %s", ", ".join(taken))
                yield
                return
        if not waiting_logged:
            log.info("waiting for %d of %d GPUs", requested, len(names))
            waiting_logged = True
        # A random time, so that two jobs that hold a part of what both need do not retry at the same moment.
        time.sleep(random.uniform(*WAIT_SECONDS))


def _slots(names: Sequence[str], requested: int, jobs_each: int, held: contextlib.ExitStack) -> list[str]:
    """Lock a slot on up to `requested` different GPUs, the least used first; closing `held` releases all."""
    taken: list[str] = []
    for slot in range(jobs_each):
        for name in names:
            if len(taken) < requested and name not in taken and _slot(name, slot, held):
                taken.append(name)
    return taken


def _slot(name: str, slot: int, held: contextlib.ExitStack) -> bool:
    with contextlib.ExitStack() as entering:
        entered = _lock(_entry(name), entering, fcntl.LOCK_SH)
        return entered and _lock(LOCKS / f"{_file(name)}.slot{slot}", held)


def _whole(names: Sequence[str], requested: int, held: contextlib.ExitStack) -> list[str]:
    """Lock the entries of up to `requested` GPUs, and wait until the jobs that are still on them have ended.

    The least used GPUs come first; closing `held` releases all.
    """
    taken: list[str] = []
    for name in sorted(names, key=_jobs):
        if len(taken) < requested and _lock(_entry(name), held):
            taken.append(name)
    if len(taken) == requested:
        for path in (path for name in taken for path in _slot_files(name)):
            with path.open("w") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
    return taken


def _jobs(name: str) -> int:
    """How many slots of a GPU are taken."""
    with contextlib.ExitStack() as looking:
        return sum(not _lock(path, looking) for path in _slot_files(name))


def _slot_files(name: str) -> list[Path]:
    return list(LOCKS.glob(f"{_file(name)}.slot*"))


def _entry(name: str) -> Path:
    return LOCKS / f"{_file(name)}.entry"


def _file(name: str) -> str:
    # The name of a part of a GPU (MIG) may have slashes.
    return name.replace("/", "_")


def _lock(path: Path, held: contextlib.ExitStack, kind: int = fcntl.LOCK_EX) -> bool:
    with contextlib.ExitStack() as opened:
        handle = opened.enter_context(path.open("w"))
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        held.push(opened.pop_all())
    return True
