"""Jobs as forks of a process that has already imported PyTorch and others, since importing them takes seconds.

A script that Snakemake starts on this machine passes its work on to a fork of a fork server (fork_server.py). Then it
only waits, forwards signals, and ends as the fork ended. The first job starts the server, which ends with Snakemake.
Where there is no server, or it fails, the script does its work itself: only slower.
"""

import contextlib
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from longtail.runtime import servers, signals

# The folder with the sockets of the servers, and the process with which servers end. An empty folder means no forks.
FOLDER, OWNER = "LONGTAIL_FORKS", "LONGTAIL_FORKS_OWNER"
SERVER = Path(__file__).with_name("fork_server.py")


def allow() -> None:
    """From now on the jobs that this process and its children start on this machine are forks.

    Does nothing where the environment has decided already, and on systems where forking is not safe (macOS).
    """
    servers.allow(FOLDER, OWNER)


def pass_on(libraries: Sequence[str]) -> None:
    """Do the rest of this script in a fork of a server that has imported `libraries`, and end as it ends.

    Returns if there is no server: then the script has to do its work itself, as it does within the fork.
    """
    folder = os.environ.pop(FOLDER, "")
    if not folder:
        return
    # A server that fails, a folder that is gone, a path that is too long for a socket: all are an OSError.
    with contextlib.suppress(OSError), _connection(folder, libraries) as connection:
        _send(connection, libraries, sys.argv)
        if connection.recv(1):
            _forward_signals(connection)
            _end_as(connection)


def prepare(libraries: Sequence[str]) -> None:
    """Let the server import `libraries` for later jobs, while this script does its work itself."""
    folder = os.environ.pop(FOLDER, "")
    if not folder:
        return
    with contextlib.suppress(OSError), _connection(folder, libraries) as connection:
        # A job that does nothing.
        _send(connection, libraries, [os.devnull])


def _connection(folder: str, libraries: Sequence[str]) -> socket.socket:
    # Jobs of other libraries have a server of their own, so that no job waits for imports that it does not need.
    # -P: the folder of the server, which is part of this library, must not be on the path.
    command = [sys.executable, "-P", str(SERVER)]
    return servers.connection(Path(folder), os.environ[OWNER], command, [SERVER.read_text(), *libraries])


def _send(connection: socket.socket, libraries: Sequence[str], arguments: Sequence[str]) -> None:
    umask = os.umask(0)
    os.umask(umask)
    message = {
        "libraries": list(libraries),
        "arguments": list(arguments),
        "path": sys.path,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "umask": umask,
    }
    data = json.dumps(message).encode()
    socket.send_fds(connection, [struct.pack("!I", len(data))], [0, 1, 2])
    connection.sendall(data)


def _forward_signals(connection: socket.socket) -> None:
    def forward(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            connection.send(bytes([number]))

    for number in signals.ASKING:
        # A shell lets its background processes ignore Ctrl-C.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, forward)


def _end_as(connection: socket.socket) -> None:
    """Wait for the fork, and end with its exit code or by the signal that ended it."""
    answer = b""
    while part := connection.recv(4 - len(answer)):
        answer += part
        if len(answer) == 4:
            break
    else:
        sys.exit("error: the process that watches this job was killed")
    code = struct.unpack("!i", answer)[0]
    if code < 0:
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    # Not sys.exit, whose exception the caller would suppress or report.
    os._exit(code)
