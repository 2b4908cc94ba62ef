"""Child processes of a job. None outlives the job; if one fails, the job ends with its error message.

Each is a new Python process that calls one function. `multiprocessing` is not used for two reasons: it would run the
job's script again in each process, which fails in a script of Snakemake; and it waits forever for a process that dies
before it has read its input.
"""

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from longtail.runtime import signals
from longtail.runtime.errors import InputError

START = "import sys; sys.path[:] = {}; from longtail.runtime import children; children.serve({}, {}, {})"
# The exit code of a process that has reported its error.
REPORTED = 81
POLL_SECONDS = 0.2
# Time for the job to notice itself that a process has died, and for all processes to end after the block.
GRACE_SECONDS = 2.0
PATIENCE_SECONDS = 5.0


@contextlib.contextmanager
def beside(count: int, function: Callable[..., None], *args: Any) -> Iterator[None]:
    """Call `function(number, *args)` in `count` processes, numbered from 1, while the block runs.

    They end with the block and with this process, however it ends; signals that ask a job to stop do not end them.
    If one fails, a RuntimeError of the block (such as a closed connection) is replaced by the InputError of that
    process, or by a RuntimeError that says how it ended. If the block does not notice, this process logs the same
    message and ends.
    """
    children, patience = _Children(count), 0.0
    try:
        children.start(pickle.dumps((function, args)))
        yield
        patience = PATIENCE_SECONDS
    except RuntimeError:
        children.over.set()
        if failure := children.failure(GRACE_SECONDS):
            raise failure from None
        raise
    finally:
        children.end(patience)


class _Children:
    def __init__(self, count: int) -> None:
        self.count = count
        self.processes: list[subprocess.Popen[bytes]] = []
        self.over = threading.Event()
        # Error reports of the processes, in the order in which they failed.
        self.reports = b""
        self.reports_reader, self.reports_writer = os.pipe()
        os.set_blocking(self.reports_reader, False)

    def start(self, task: bytes) -> None:
        """Start all processes with a pickled function and its arguments, and watch them."""
        for number in range(1, self.count + 1):
            command = [sys.executable, "-c", START.format(sys.path, os.getpid(), self.reports_writer, number)]
            with _signals_blocked():
                process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[self.reports_writer])
            self.processes.append(process)
            # In a thread, since a process that does not read would block this one.
            threading.Thread(target=_send, args=(process, task), daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def failure(self, patience: float) -> Exception | None:
        """The error of the first process that failed; None if none fails within `patience` seconds."""
        end = time.monotonic() + patience
        while not self._any_failed():
            if time.monotonic() >= end:
                return None
            time.sleep(POLL_SECONDS / 4)
        # A killed process may be seen dead a moment after the others, which failed because of it.
        time.sleep(POLL_SECONDS)
        for number, process in enumerate(self.processes, start=1):
            if process.poll() not in (None, 0, REPORTED):
                return RuntimeError(f"{self._name(number)} {_ending(process.returncode)}")
        return self._reported()

    def end(self, patience: float) -> None:
        """Wait `patience` seconds for the processes to end, and kill those that do not."""
        self.over.set()
        self._wait(patience)
        self.kill()
        self._wait(PATIENCE_SECONDS)
        os.close(self.reports_reader)
        os.close(self.reports_writer)

    def kill(self) -> None:
        """Kill all processes."""
        for process in self.processes:
            process.kill()

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for process in self.processes:
            # Even a killed process may not end: it may wait for a disk that is gone.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))

    def _watch(self) -> None:
        """End this process if another one fails and the block does not notice: it would wait forever."""
        while not self.over.wait(POLL_SECONDS):
            if self._any_failed() and not self.over.wait(GRACE_SECONDS):
                print(f"error: {self.failure(0)}", flush=True)
                self.kill()
                os._exit(1)

    def _any_failed(self) -> bool:
        return any(process.poll() for process in self.processes)

    def _reported(self) -> Exception:
        with contextlib.suppress(BlockingIOError):
            self.reports += os.read(self.reports_reader, 1 << 16)
        number, is_bad_input, message = json.loads(self.reports.splitlines()[0])
        return InputError(message) if is_bad_input else RuntimeError(f"{self._name(number)}: {message}")

    def _name(self, number: int) -> str:
        return f"process {number + 1} of {self.count + 1}"


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Processes started in this block ignore signals that ask a job to stop: the first process needs them to save."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals.ASKING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(process: subprocess.Popen[bytes], task: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as stream:
        stream.write(task)


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def serve(parent: int, reports: int, number: int) -> None:
    """The main function of process `number`, started by process `parent`: call the function received through stdin.

    A failure is written as one line to the file descriptor `reports`.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        function, args = pickle.load(sys.stdin.buffer)
        function(number, *args)
    except Exception as error:
        _fail(number, error, reports)


def _fail(number: int, error: Exception, reports: int) -> None:
    is_bad_input = isinstance(error, InputError)
    message = str(error) if is_bad_input else traceback.format_exception_only(error)[-1].splitlines()[0]
    try:
        if not is_bad_input:
            traceback.print_exc()
        os.write(reports, f"{json.dumps([number, is_bad_input, message])}\n".encode())
    finally:
        # Immediately, without waiting for threads: the other processes wait for this one.
        os._exit(REPORTED)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)
