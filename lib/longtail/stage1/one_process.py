"""Hands the training of a job to a process that trains for all jobs of its GPU (`training_process.py`).

Everything else stays with the job: inputs, outputs, its log, its file to resume from, and the signals that it gets.
The first job starts the process. Where there is none, the job trains by itself, as it does with several processes for
one training, with images that stay in files, and with networks that draw random numbers within themselves.
"""

import contextlib
import hashlib
import logging
import os
import select
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from longtail.data import arrays
from longtail.engine.inputs import Inputs
from longtail.engine.loop import Fitted
from longtail.engine.progress import State
from longtail.engine.resume import Resume
from longtail.runtime import parts, servers, signals, visible_gpus
from longtail.runtime.errors import InputError
from longtail.settings.stage1 import Stage1
from longtail.stage1 import train as here
from longtail.stage1 import training_process
from longtail.stage1.training_process import Answer, Task
from longtail.stage1.weights import Weights

log = logging.getLogger(__name__)
START = "import sys; sys.path[:] = {}; from longtail.stage1 import training_process; training_process.main()"
POLL_SECONDS = 0.2
GONE = (
    "the process that trains for several jobs was killed (out of memory?): "
    "Snakemake starts this job again, and it resumes"
)


def train(
    read: Inputs, settings: Stage1, resume: Resume, networks: Mapping[str, State], weights: Weights | None
) -> Fitted:
    """Run Stage 1 as `stage1.train` does, in the process that trains for several jobs if there is one.

    Ends this process with exit code 1 if that one is killed.
    """
    folder, owner = (os.environ.get(name, "") for name in servers.TRAININGS)
    if folder and _can_be_handed_over(read, settings):
        task = Task(read.arrays, read.root, read.subset, settings, resume, networks, weights)
        if connection := _accepted(Path(folder), owner, task):
            with connection:
                return _finished(connection, weights)
    return here.train(read.data, read.subset, settings, resume, read.workers, networks, weights)


def _can_be_handed_over(read: Inputs, settings: Stage1) -> bool:
    draws = parts.literal("models", settings.backbone, "DRAWS", False)
    return settings.compute.processes == 1 and not draws and arrays.form(read.arrays) == "images"


def _accepted(folder: Path, owner: str, task: Task) -> socket.socket | None:
    """The connection to the process, once it has accepted a task; None if there can be no such process."""
    command = [sys.executable, "-P", "-c", START.format(sys.path)]
    # The process has imported the code, and computes for one GPU, with one number of threads, in one folder.
    kind = [_code(), str(task.settings.compute), os.environ.get(visible_gpus.variable(), ""), os.getcwd()]
    with contextlib.ExitStack() as opened, contextlib.suppress(OSError, EOFError):
        connection = opened.enter_context(servers.connection(folder, owner, command, kind))
        training_process.send(connection, task, (sys.stdout.fileno(),))
        number = training_process.receive(connection)[0]
        log.info("trained by process %d, which trains for several jobs", number)
        opened.pop_all()
        return connection
    return None


def _code() -> str:
    """A hash of the library: jobs that start after it was edited are not trained by what it was before."""
    digest = hashlib.sha256()
    for path in sorted(parts.LIB.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _finished(connection: socket.socket, weights: Weights | None) -> Fitted:
    """The finished training; until then, signals that ask this job to stop are forwarded."""
    forwarded = 0
    with signals.noted() as stop_signal:
        try:
            while not select.select([connection], [], [], POLL_SECONDS)[0]:
                if stop_signal() != forwarded:
                    forwarded = stop_signal()
                    connection.sendall(bytes([forwarded]))
            answer: Answer = training_process.receive(connection)[0]
        except (OSError, EOFError):
            print(GONE)
            sys.exit(1)
    if answer.fitted is not None:
        if weights is not None:
            weights.report = answer.report or {}
        return answer.fitted
    if answer.stopped:
        raise signals.Stopped(answer.message, answer.stopped)
    if answer.is_mistake:
        raise InputError(answer.message)
    raise RuntimeError(f"in the process that trains for several jobs: {answer.message}")
