"""Processes that serve the jobs of one Snakemake on this machine: a job starts them, and they end with Snakemake."""

import atexit
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# The variables for the processes that train for several jobs (stage1/one_process.py); see `allow`.
TRAININGS = ("LONGTAIL_TRAININGS", "LONGTAIL_TRAININGS_OWNER")
# Libraries read these once, when they are imported: each combination of their values has a server of its own.
READ_AT_IMPORT = (
    *("OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    "PYTHONPATH",
)


def allow(folder: str, owner: str) -> None:
    """From now on the jobs that this process and its children start on this machine may use servers.

    The arguments are names of variables of the environment: for the folder of their sockets, of which an empty one
    means no servers, and for the process with which servers end, which is this one.
    Does nothing where the environment has decided already, and on systems where forking is not safe (macOS).
    """
    if folder in os.environ or not sys.platform.startswith("linux"):
        return
    made = tempfile.mkdtemp(prefix="longtail-")
    os.environ |= {folder: made, owner: str(os.getpid())}
    atexit.register(shutil.rmtree, made, ignore_errors=True)


def connection(folder: Path, owner: str, command: Sequence[str], kind: Sequence[str]) -> socket.socket:
    """A connection to the server of a `kind`, which `command` starts if there is none.

    The command gets three more arguments: the descriptor and the path of its socket, and the process `owner` that it
    ends with. Interpreter and environment belong to the kind. Raises OSError if there can be no server.
    """
    kind = [sys.executable, sys.prefix, *kind, *(os.environ.get(name, "") for name in READ_AT_IMPORT)]
    path = folder / hashlib.sha256(json.dumps(kind).encode()).hexdigest()[:12]
    connected = socket.socket(socket.AF_UNIX)
    # Locked, so that of several jobs that start together one starts the server.
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            connected.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            _start(path, command, owner)
            connected.connect(str(path))
    return connected


def _start(path: Path, command: Sequence[str], owner: str) -> None:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, open(f"{path}.log", "w") as log:
        listener.bind(str(path))
        listener.listen(128)
        subprocess.Popen(
            [*command, str(listener.fileno()), str(path), owner],
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A group of its own, since Ctrl-C is for jobs; not a session, to which Linux gives a share of its own.
            process_group=0,
        )


def exists(process: int) -> bool:
    """Whether there is a process with this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
