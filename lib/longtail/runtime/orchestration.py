"""Changes to how Snakemake starts jobs, retries them and stops. Imported only by the Snakefile."""

import logging
import shlex
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from snakemake.jobs import Job
from snakemake.logging import logger

from longtail.runtime import joblog
from longtail.runtime.errors import InputError

# Rules that start a Snakemake of their own with the cores of their job.
PACKS = ("pack", "packed")
# The interpreter, and when it read the Snakefile.
PYTHON = sys.executable
START = time.time()
STOPPED = "Stopped. Finished jobs are kept, and trainings resume from their last save: repeat the same command."


def quote_interpreter() -> None:
    """Make jobs start in a checkout whose path contains spaces or other characters that are special to a shell.

    Snakemake writes `sys.executable` into shell commands without quoting it.
    """
    sys.executable = shlex.quote(PYTHON)


def check_place(folder: str) -> None:
    """Raises InputError if the path of this checkout contains a brace, which Snakemake reads as a wildcard."""
    if set("{}") & set(folder):
        raise InputError(f"this checkout lies in {folder}: move it to a folder without braces in its path")


def check_cores(required: int, resources: Any) -> None:
    """Raises InputError if a training, which requires `required` cores, would have fewer.

    `resources` are those of the command line; its `cores` are None on a cluster.
    """
    if resources.cores is not None and required > resources.cores:
        raise InputError(
            f"a training computes on {required} cores (compute.threads times compute.processes), and --cores is "
            f"{resources.cores}: give --cores {required}, or lower those"
        )


def check_threads(resources: Any) -> None:
    """Raises InputError if the command line, whose resources these are, sets the threads of a training."""
    if rules := [rule for rule in resources.overwrite_threads if rule not in PACKS]:
        raise InputError(
            f"--set-threads {rules[0]}: results depend on the number of threads, so it is a setting of the "
            "configuration: set compute.threads instead"
        )


def do_not_retry_bad_input() -> None:
    """Do not retry a job whose log says that its input is wrong.

    Snakemake reads `restart_times`, how often a job may be retried, each time that the job has failed.
    """
    Job.restart_times = property(_restart_times)


def _restart_times(job: Any) -> int:
    mistaken = any(joblog.mistake(Path(log), since=START) for log in job.log)
    return 0 if mistaken else int(job.rule.restart_times)


class Interruption:
    """Handles Ctrl-C: jobs are asked to stop, and Snakemake's error messages are replaced by one sentence."""

    def __init__(self) -> None:
        self.pressed = False

    def expect(self) -> None:
        """From now on the first Ctrl-C silences Snakemake, which would report every stopped job as an error."""
        # A process that a shell has started in the background ignores Ctrl-C; leave that unchanged.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._interrupt)

    def end(self) -> None:
        """If Ctrl-C was pressed, print what it means and exit with 130, the usual exit code after Ctrl-C."""
        if self.pressed:
            print(STOPPED, file=sys.stderr)
            sys.exit(128 + signal.SIGINT)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.pressed = True
        print("\nStopping: running jobs save their state …", file=sys.stderr)
        logger.setLevel(logging.CRITICAL + 1)
        raise KeyboardInterrupt
