"""What Snakemake does otherwise under this Snakefile: how it starts jobs, tries them again and stops.

Only the process that runs Snakemake imports this.
"""

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

# Rules that start a Snakemake of their own with the cores they are given.
PACKS = ("pack", "packed")
# This interpreter, and when it read the Snakefile.
PYTHON = sys.executable
START = time.time()
STOPPED = (
    "Stopped. Nothing that was finished is lost, and a training goes on where it last saved: "
    "give the same command again."
)


def quote_interpreter() -> None:
    """Let jobs start in a checkout whose path has a space in it, or anything else that a shell reads as its own.

    Snakemake writes `sys.executable` into shell commands as it is.
    """
    sys.executable = shlex.quote(PYTHON)


def check_place(folder: str) -> None:
    """InputError where the path of this checkout has a brace in it, which Snakemake takes for a wildcard's."""
    if set("{}") & set(folder):
        raise InputError(f"this checkout lies in {folder}: move it to a folder without braces in its path")


def check_threads(wanted: int, given: Any) -> None:
    """InputError where a training, which computes on `wanted` cores, would be given another number of them.

    `given` is what the command line says of resources; its `cores` are None on a cluster.
    """
    if given.cores is not None and wanted > given.cores:
        raise InputError(
            f"a training computes on {wanted} cores (compute.threads times compute.processes), and --cores is "
            f"{given.cores}: give --cores {wanted}, or lower those"
        )
    if rules := [rule for rule in given.overwrite_threads if rule not in PACKS]:
        raise InputError(
            f"--set-threads {rules[0]}: results depend on how many threads a job computes with, so that it is a "
            "setting: set compute.threads instead"
        )


def end_mistakes_at_once() -> None:
    """Try a job again unless its log says that its input has to be mended first.

    Snakemake asks how often a job may be started again each time that it has failed.
    """
    Job.restart_times = property(_restart_times)


def _restart_times(job: Any) -> int:
    mistaken = any(joblog.mistake(Path(log), since=START) for log in job.log)
    return 0 if mistaken else int(job.rule.restart_times)


class Interruption:
    """Ctrl-C as a person expects it: the jobs are asked to stop, and one sentence says what that means."""

    def __init__(self) -> None:
        self.pressed = False

    def expect(self) -> None:
        """From now on the first Ctrl-C silences Snakemake, to which every stopped job is an error."""
        # Of what a shell starts in the background Ctrl-C is ignored, and stays so.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)

    def end(self) -> None:
        """Where Ctrl-C was pressed, say what that means and exit with 130, as a shell reports it."""
        if self.pressed:
            print(STOPPED, file=sys.stderr)
            sys.exit(128 + signal.SIGINT)

    def _note(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.pressed = True
        print("\nStopping: running jobs save what they have …", file=sys.stderr)
        logger.setLevel(logging.CRITICAL + 1)
        raise KeyboardInterrupt
