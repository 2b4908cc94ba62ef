"""The context of every script: all output goes to the job's log, and bad input ends the job with one sentence."""

import contextlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from longtail.runtime.errors import InputError
from longtail.runtime.signals import Stopped

MISTAKE = "error: "


@contextlib.contextmanager
def job(log: Sequence[str]) -> Iterator[None]:
    """Send stdout, stderr and logging to the job's log file; an InputError becomes one line and exit code 1.

    A job that was asked to stop ends with 128 plus the number of the signal, as shells do: Snakemake runs it again.
    Without a log file (a script started by hand) everything goes to the terminal, and any other exception is raised,
    so that a debugger stops where it happened.
    """
    # Spawned decoding processes (as on macOS) would run the script again, without the lines that Snakemake adds.
    vars(sys.modules["__main__"]).pop("__file__", None)
    with _stream(log) as stream:
        write_to(stream)
        try:
            yield
        except InputError as error:
            print(f"{MISTAKE}{error}", file=stream)
            sys.exit(1)
        except Stopped as stopped:
            print(stopped, file=stream)
            sys.exit(128 + stopped.number)
        except KeyboardInterrupt:
            print("asked to stop, with nothing to save yet", file=stream)
            sys.exit(128 + signal.SIGINT)
        except Exception:
            if not log:
                raise
            # Python would print it only after the log is closed.
            traceback.print_exc(file=stream)
            sys.exit(1)


def write_to(stream: TextIO) -> None:
    """Let what is logged from now on go to `stream`, with the time of day."""
    logging.basicConfig(
        level=logging.INFO, stream=stream, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", force=True
    )


@contextlib.contextmanager
def _stream(log: Sequence[str]) -> Iterator[TextIO]:
    """The log file, which replaces stdout and stderr; stderr without a log file."""
    if not log:
        yield sys.stderr
        return
    with open(log[0], "w", buffering=1) as stream:
        # Descriptors as well as Python objects: compiled libraries write their warnings to the descriptors.
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        sys.stdout = sys.stderr = stream
        yield stream


def mistake(log: Path, since: float = 0.0) -> str:
    """The error about its input at the end of a job's log; empty if there is none that was written after `since`."""
    if not log.is_file() or log.stat().st_mtime < since:
        return ""
    last = log.read_text(errors="replace").rstrip().rsplit("\n", 1)[-1]
    return last.removeprefix(MISTAKE) if last.startswith(MISTAKE) else ""
