"""A process that trains for several jobs of one GPU at once; `one_process.py` starts it and hands trainings to it.

It is a plain loop over the connections of its jobs and the steps of their trainings. It imports PyTorch once, and
keeps the arrays of a data set, and their images on the device, once for all trainings. It ends with Snakemake, or
after a while without trainings.
"""

import contextlib
import functools
import gc
import logging
import os
import pickle
import select
import shutil
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import torch
from torch import Tensor

from longtail.data import arrays
from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine.loop import Fitted
from longtail.engine.progress import State
from longtail.engine.resume import Resume
from longtail.engine.together import Member, Together
from longtail.runtime import joblog, servers, signals
from longtail.runtime.errors import InputError
from longtail.runtime.signals import Stopped
from longtail.settings.stage1 import Stage1
from longtail.stage1 import train
from longtail.stage1.weights import Weights

# How long the process waits for the next training, and how often it then looks whether Snakemake is still there.
IDLE_SECONDS = 60.0
POLL_SECONDS = 1.0
# A job sends its task and reads its answer at once.
MESSAGE_SECONDS = 60.0
# Data sets whose arrays stay in memory.
KEPT = 4
LENGTH = struct.Struct("!Q")


@dataclass(frozen=True)
class Task:
    """A training as a job hands it over; its paths are relative to the folder of the job, as in its messages."""

    arrays: str
    root: str
    subset: Subset
    settings: Stage1
    resume: Resume
    networks: Mapping[str, State]
    weights: Weights | None


@dataclass(frozen=True)
class Answer:
    """What a training ended with: it is finished (`fitted`, with the report of its weights), or it is not.

    Then `message` says why, `stopped` is the number of the signal that it was asked to stop with, and `is_mistake`
    says whether the message is that of an InputError.
    """

    fitted: Fitted | None = None
    report: dict[str, Any] | None = None
    message: str = ""
    stopped: int = 0
    is_mistake: bool = False


def send(connection: socket.socket, value: Any, streams: tuple[int, ...] = ()) -> None:
    """Send a pickled value, with open files."""
    data = pickle.dumps(value)
    socket.send_fds(connection, [LENGTH.pack(len(data))], streams)
    connection.sendall(data)


def receive(connection: socket.socket) -> tuple[Any, list[int]]:
    """What `send` has sent; raises EOFError if the other side has ended."""
    head, streams, _, _ = socket.recv_fds(connection, LENGTH.size, 1)
    if len(head) < LENGTH.size:
        raise EOFError
    data = bytearray()
    while missing := LENGTH.unpack(head)[0] - len(data):
        if not (part := connection.recv(min(missing, 1 << 20))):
            raise EOFError
        data += part
    return pickle.loads(data), list(streams)


class _Job(Member):
    """The training of a job, with the connection to it. What it logs goes to the log of the job."""

    def __init__(self, task: Task, connection: socket.socket, log: TextIO) -> None:
        self.connection = connection
        self.log = log
        self.weights = task.weights
        self.stop = 0
        data, settings = _data(task.arrays, task.root, os.stat(task.arrays).st_mtime_ns), task.settings
        learner = train.learner(data, task.subset, settings, networks=task.networks, weights=task.weights)
        super().__init__(learner, settings.recipe, task.resume, lambda: self.stop)

    def own_step(self) -> Tensor | Exception | None:
        _log_to(self.log)
        return super().own_step()

    def proceed(self, result: Tensor | Exception | None) -> None:
        _log_to(self.log)
        super().proceed(result)


@functools.lru_cache(maxsize=KEPT)
def _data(path: str, root: str, changed: int) -> Data:
    """The arrays of a data set; `changed` is the time at which their file did."""
    return arrays.load(path, root)


def _log_to(stream: TextIO) -> None:
    for handler in logging.root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(stream)


class Server:
    """Trains what jobs send to `listener`, as long as the process `owner` is there or trainings run."""

    def __init__(self, listener: socket.socket, owner: int) -> None:
        self.listener = listener
        self.owner = owner
        self.group = Together()
        self.jobs: dict[socket.socket, _Job] = {}

    def serve(self) -> None:
        """Return when there is nothing more to do."""
        busy = time.monotonic()
        while self.jobs or (servers.exists(self.owner) and time.monotonic() - busy < IDLE_SECONDS):
            before = set(self.jobs)
            self._listen()
            self._round()
            if before - set(self.jobs):
                _free_memory()
            if self.jobs:
                busy = time.monotonic()

    def fail(self, error: Exception) -> None:
        """Tell all jobs that this process cannot go on."""
        for job in self.jobs.values():
            _answer(job.connection, job.log, error)

    def _listen(self) -> None:
        # Jobs first: the one that begins may be the retry of one that was killed.
        for source in select.select([*self.jobs, self.listener], [], [], 0 if self.jobs else POLL_SECONDS)[0]:
            if source is self.listener:
                self._begin()
            else:
                self._hear(self.jobs[source])

    def _begin(self) -> None:
        """Accept a training. If that fails, the job gets no answer and trains by itself."""
        connection, _ = self.listener.accept()
        connection.settimeout(MESSAGE_SECONDS)
        try:
            task, streams = receive(connection)
            log = os.fdopen(streams[0], "w", buffering=1)
            send(connection, os.getpid())
        except Exception:
            traceback.print_exc()
            connection.close()
            return
        _log_to(log)
        try:
            job = _Job(task, connection, log)
        except Exception as error:
            _answer(connection, log, error)
            return
        self.jobs[connection] = job
        self.group.join(job)

    def _hear(self, job: _Job) -> None:
        """Ask a training to stop, or drop it if its job has ended."""
        try:
            numbers = job.connection.recv(64)
        except OSError:
            numbers = b""
        if numbers:
            job.stop = numbers[-1]
            return
        self.group.leave(job)
        del self.jobs[job.connection]
        _close(job.connection, job.log)

    def _round(self) -> None:
        """Take a step of every training, and answer the jobs of those that end with it."""
        for job in self.group.round():
            assert isinstance(job, _Job)
            assert job.ended is not None
            del self.jobs[job.connection]
            _answer(job.connection, job.log, job.ended, job.weights.report if job.weights else None)
            if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
                # After some errors a GPU computes nothing more for a process: then this raises.
                torch.cuda.synchronize()


def _answer(
    connection: socket.socket, log: TextIO, ended: Fitted | Exception, report: dict[str, Any] | None = None
) -> None:
    if isinstance(ended, Fitted):
        answer = Answer(ended, report)
    elif isinstance(ended, InputError):
        answer = Answer(message=str(ended), is_mistake=True)
    elif isinstance(ended, Stopped):
        answer = Answer(message=str(ended), stopped=ended.number)
    else:
        traceback.print_exception(ended, file=log)
        answer = Answer(message=traceback.format_exception_only(ended)[-1].strip())
    # A job that is gone needs no answer.
    with contextlib.suppress(OSError):
        send(connection, answer)
    _close(connection, log)


def _close(connection: socket.socket, log: TextIO) -> None:
    _log_to(sys.stderr)
    connection.close()
    log.close()


def _free_memory() -> None:
    """Free what trainings have left: they refer to themselves, so it takes the garbage collector."""
    gc.collect()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def main() -> None:
    """Serve at the socket, its path and until the end of the process that the command line names."""
    descriptor, path, owner = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    for number in signals.ASKING:
        # Jobs are asked to stop, and forward it.
        signal.signal(number, signal.SIG_IGN)
    joblog.write_to(sys.stderr)
    logging.captureWarnings(True)
    with socket.socket(fileno=descriptor) as listener:
        server = Server(listener, owner)
        try:
            server.serve()
        except Exception as error:
            server.fail(error)
            raise
        finally:
            path.unlink(missing_ok=True)
    if not servers.exists(owner):
        shutil.rmtree(path.parent, ignore_errors=True)
