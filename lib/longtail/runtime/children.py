"""Further processes of a job. None outlives the job, and if one dies, the job ends and says why.

Each is a new Python process that calls one function. `multiprocessing` is not used for two reasons: it would run the
job's script again in each process, which fails in a script of Snakemake; and it waits for ever for a process that
dies before it has read its input.
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
# The exit code of a process that has said why.
SAID = 81
LOOK_SECONDS = 0.2
# How long the job may take to hear by itself that a process has died, and all processes to end when all is done.
GRACE_SECONDS = 2.0
PATIENCE_SECONDS = 5.0


@contextlib.contextmanager
def beside(count: int, function: Callable[..., None], *args: Any) -> Iterator[None]:
    """Call `function(number, *args)` in `count` processes, numbered from 1, while the block runs.

    They end with the block, with this process however it ends, and not by a signal that asks a job to stop. Where one
    fails, a RuntimeError of the block (a connection that was closed) becomes its InputError, or a RuntimeError that
    says how it died. A block that does not notice is ended with the whole process, the same words in the log.
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
        # What processes say, the first that failed first.
        self.said = b""
        self.hear, self.tell = os.pipe()
        os.set_blocking(self.hear, False)

    def start(self, given: bytes) -> None:
        """Start all, and watch them."""
        for number in range(1, self.count + 1):
            command = [sys.executable, "-c", START.format(sys.path, os.getpid(), self.tell, number)]
            with _deaf():
                process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[self.tell])
            self.processes.append(process)
            # In a thread, since one that does not read would stop this process.
            threading.Thread(target=_give, args=(process, given), daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def failure(self, patience: float) -> Exception | None:
        """Why the first that failed did, if any does within so many seconds."""
        end = time.monotonic() + patience
        while not self._any_failed():
            if time.monotonic() >= end:
                return None
            time.sleep(LOOK_SECONDS / 4)
        # One that is killed can be seen dead a moment after those that failed for want of it.
        time.sleep(LOOK_SECONDS)
        for number, process in enumerate(self.processes, start=1):
            if process.poll() not in (None, 0, SAID):
                return RuntimeError(f"{self._name(number)} {_ending(process.returncode)}")
        return self._told()

    def end(self, patience: float) -> None:
        """Let the processes end by themselves within so many seconds, and end those that do not."""
        self.over.set()
        self._wait(patience)
        self.kill()
        self._wait(PATIENCE_SECONDS)
        os.close(self.hear)
        os.close(self.tell)

    def kill(self) -> None:
        """End all at once."""
        for process in self.processes:
            process.kill()

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for process in self.processes:
            # Not even a killed one is sure to end: it may wait for a disk that is gone.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))

    def _watch(self) -> None:
        """End this process with one that failed, if it does not by itself: it would wait for that one for ever."""
        while not self.over.wait(LOOK_SECONDS):
            if self._any_failed() and not self.over.wait(GRACE_SECONDS):
                print(f"error: {self.failure(0)}", flush=True)
                self.kill()
                os._exit(1)

    def _any_failed(self) -> bool:
        return any(process.poll() for process in self.processes)

    def _told(self) -> Exception:
        with contextlib.suppress(BlockingIOError):
            self.said += os.read(self.hear, 1 << 16)
        number, is_bad_input, words = json.loads(self.said.splitlines()[0])
        return InputError(words) if is_bad_input else RuntimeError(f"{self._name(number)}: {words}")

    def _name(self, number: int) -> str:
        return f"process {number + 1} of {self.count + 1}"


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Processes started in this block ignore signals that ask a job to stop: the first process needs them to save."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals.ASKING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _give(process: subprocess.Popen[bytes], given: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as stream:
        stream.write(given)


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def serve(parent: int, tell: int, number: int) -> None:
    """The main function of process `number`, started by process `parent`: call the function that comes through stdin.

    A failure is written as one line to the file descriptor `tell`.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        function, args = pickle.load(sys.stdin.buffer)
        function(number, *args)
    except Exception as error:
        _fail(number, error, tell)


def _fail(number: int, error: Exception, tell: int) -> None:
    is_bad_input = isinstance(error, InputError)
    words = str(error) if is_bad_input else traceback.format_exception_only(error)[-1].splitlines()[0]
    try:
        if not is_bad_input:
            traceback.print_exc()
        os.write(tell, f"{json.dumps([number, is_bad_input, words])}\n".encode())
    finally:
        # At once, whatever threads there are: the others wait.
        os._exit(SAID)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)
