"""A process that imports libraries and then forks a process for each job (forks.py). Started as a script.

It imports nothing of this project, so that every job runs the code of its own checkout. Each job has two processes: a
watcher, which is a fork of the server, and the job, which is a fork of the watcher. The watcher forwards signals,
reports how the job ended, and kills the job when the script that asked for it is gone.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import struct
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

# How often the server looks whether Snakemake is still there.
POLL_SECONDS = 1.0
# A client sends its message at once.
MESSAGE_SECONDS = 10.0
PR_SET_PDEATHSIG = 1


def serve(listener: socket.socket, path: Path, owner: int) -> dict[str, Any]:
    """Serve jobs until the process `owner` has ended; returns only in the forks that are jobs, with their message.

    `path` is that of the socket, whose folder is removed at the end.
    """
    # Watchers leave no zombies.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while _exists(owner) and path.exists():
        if not select.select([listener], [], [], POLL_SECONDS)[0]:
            continue
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError, ValueError):
            message, streams = _receive(connection)
            for library in message["libraries"]:
                # The job itself says so if it needs a library that is missing.
                with contextlib.suppress(ImportError):
                    importlib.import_module(library)
            # The garbage collector of a job would otherwise write to pages that it shares with the server.
            gc.freeze()
            if os.fork() == 0:
                listener.close()
                if _is_job(connection):
                    for number, stream in enumerate(streams):
                        os.dup2(stream, number)
                    _close(streams)
                    return message
                os._exit(0)
            _close(streams)
    shutil.rmtree(path.parent, ignore_errors=True)
    sys.exit()


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The message of a client, and its standard streams."""
    connection.settimeout(MESSAGE_SECONDS)
    head, streams, _, _ = socket.recv_fds(connection, 4, 3)
    length, data = struct.unpack("!I", head)[0], b""
    while len(data) < length:
        if not (part := connection.recv(length - len(data))):
            raise ValueError("the client has gone")
        data += part
    connection.settimeout(None)
    return json.loads(data), list(streams)


def _close(streams: list[int]) -> None:
    for stream in streams:
        os.close(stream)


def _is_job(connection: socket.socket) -> bool:
    """Fork a job: True in the job, at once; False in the watcher, when the job has ended and the client knows how."""
    ended, wake = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    watcher = os.getpid()
    if (job := os.fork()) == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _end_with(watcher)
        connection.close()
        _close([ended, wake])
        return True
    with contextlib.suppress(OSError):
        connection.sendall(b"\1")
    code = _watch(job, connection, ended)
    with contextlib.suppress(OSError):
        connection.sendall(struct.pack("!i", code))
    return False


def _end_with(watcher: int) -> None:
    """Let the system kill this process when its watcher ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != watcher:
        os._exit(1)


def _watch(job: int, connection: socket.socket, ended: int) -> int:
    """Forward signals to a job until it ends: its exit code, or minus the number of the signal that ended it."""
    sources = [connection.fileno(), ended]
    while True:
        ready = select.select(sources, [], [])[0]
        if ended in ready:
            os.read(ended, 64)
        if connection.fileno() in ready:
            numbers = b""
            with contextlib.suppress(OSError):
                numbers = connection.recv(64)
            for number in numbers or [signal.SIGKILL]:
                os.kill(job, number)
            if not numbers:
                sources.remove(connection.fileno())
        finished, status = os.waitpid(job, os.WNOHANG)
        if finished:
            return os.waitstatus_to_exitcode(status)


def run(message: dict[str, Any]) -> int:
    """Run the client's script as Python would, in its folder and environment: its exit code."""
    os.chdir(message["folder"])
    os.umask(message["umask"])
    os.environ.clear()
    os.environ.update(message["environment"])
    sys.argv, sys.path[:] = message["arguments"], message["path"]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        if not isinstance(end.code, str):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def end(code: int) -> NoReturn:
    """End as Python would, but without clearing the memory that it shares with the server, which would copy it."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        # A script may have closed them.
        with contextlib.suppress(ValueError, OSError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    end(run(serve(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]))))
