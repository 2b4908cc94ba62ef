"""Around the body of every script: all that a job says goes to its log, and bad input ends it in one sentence."""

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

    A job asked to stop ends with 128 and the number of the signal, as a shell reports it: Snakemake runs it again.
    Without a log file, as in a script that was started by hand, everything goes to the terminal, and an exception
    that is a bug is raised, so that a debugger stops where it happened.
    """
    # Decoding processes that are spawned, as on macOS, would run the script again, without Snakemake's lines in it.
    vars(sys.modules["__main__"]).pop("__file__", None)
    with _stream(log) as stream:
        logging.basicConfig(
            level=logging.INFO,
            stream=stream,
            format="%(asctime)s %(message)s",
            datefmt="%H:%M:%S",
            force=True,
        )
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
            # Python itself would print it only when the log is closed.
            traceback.print_exc(file=stream)
            sys.exit(1)


@contextlib.contextmanager
def _stream(log: Sequence[str]) -> Iterator[TextIO]:
    """The log file, in the place of stdout and stderr; without one, stderr."""
    if not log:
        yield sys.stderr
        return
    with open(log[0], "w", buffering=1) as stream:
        # Descriptors, not only the Python objects: warnings of compiled libraries belong in the log too.
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        sys.stdout = sys.stderr = stream
        yield stream


def mistake(log: Path, since: float = 0.0) -> str:
    """The sentence about its input that a job's log ends with; empty where there is none, written after `since`."""
    if not log.is_file() or log.stat().st_mtime < since:
        return ""
    last = log.read_text(errors="replace").rstrip().rsplit("\n", 1)[-1]
    return last.removeprefix(MISTAKE) if last.startswith(MISTAKE) else ""
