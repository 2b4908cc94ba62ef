"""Jobs as forks of a process that has already imported PyTorch and others, since importing them takes seconds.

A script that Snakemake starts on this machine passes its work on to a fork of a fork server (fork_server.py). Then it
only waits, forwards signals, and ends as the fork ended. The first job starts the server, which ends with Snakemake.
Where there is no server, or it fails, the script does its work itself: only slower.
"""

import atexit
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from longtail.runtime import signals

# The folder with the sockets of the servers, and the process with which servers end. An empty folder means no forks.
FOLDER, OWNER = "LONGTAIL_FORKS", "LONGTAIL_FORKS_OWNER"
# Libraries read these once, when they are imported: each combination of their values has a server of its own.
READ_AT_IMPORT = (
    *("OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    "PYTHONPATH",
)
SERVER = Path(__file__).with_name("fork_server.py")


def allow() -> None:
    """From now on the jobs that this process and its children start on this machine are forks.

    Does nothing where the environment has decided already, and on systems where forking is not safe (macOS).
    """
    if FOLDER in os.environ or not sys.platform.startswith("linux"):
        return
    folder = tempfile.mkdtemp(prefix="longtail-")
    os.environ |= {FOLDER: folder, OWNER: str(os.getpid())}
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def pass_on(libraries: Sequence[str]) -> None:
    """Do the rest of this script in a fork of a server that has imported `libraries`, and end as it ends.

    Returns if there is no server: then the script has to do its work itself, as it does within the fork.
    """
    folder = os.environ.pop(FOLDER, "")
    if not folder:
        return
    # A server that fails, a folder that is gone, a path that is too long for a socket: all are an OSError.
    with contextlib.suppress(OSError), _connection(Path(folder)) as connection:
        _send(connection, libraries, sys.argv)
        if connection.recv(1):
            _forward_signals(connection)
            _end_as(connection)


def prepare(libraries: Sequence[str]) -> None:
    """Let the server import `libraries` for later jobs, while this script does its work itself."""
    folder = os.environ.pop(FOLDER, "")
    if not folder:
        return
    with contextlib.suppress(OSError), _connection(Path(folder)) as connection:
        # A job that does nothing.
        _send(connection, libraries, [os.devnull])


def _connection(folder: Path) -> socket.socket:
    """A connection to the server for this interpreter and environment, which is started if there is none."""
    kind = [sys.executable, sys.prefix, SERVER.read_text(), *(os.environ.get(name, "") for name in READ_AT_IMPORT)]
    path = folder / hashlib.sha256(json.dumps(kind).encode()).hexdigest()[:12]
    connection = socket.socket(socket.AF_UNIX)
    # Locked, so that of several jobs that start together one starts the server.
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            _start_server(path)
            connection.connect(str(path))
    return connection


def _start_server(path: Path) -> None:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, open(f"{path}.log", "w") as log:
        listener.bind(str(path))
        listener.listen(128)
        subprocess.Popen(
            # -P: the folder of the server, which is part of this library, must not be on the path.
            [sys.executable, "-P", str(SERVER), str(listener.fileno()), str(path), os.environ[OWNER]],
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A group of its own, since Ctrl-C is for jobs; not a session, to which Linux gives a share of its own.
            process_group=0,
        )


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
