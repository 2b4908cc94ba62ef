"""The command `snakemake` in a process forked from one that has already imported Snakemake.

Importing Snakemake takes longer than most of what the tests ask of it. The forked process then does what
`python -m snakemake` does. It has not imported `longtail`, because a test may run another copy of the project.
"""

import multiprocessing
import os
import runpy
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli", "snakemake.report", "snakemake_logger_plugin_rich.handler"])


def snakemake(directory: Path, arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Exit code and all that is printed of `snakemake arguments`, run in `directory`."""
    with tempfile.NamedTemporaryFile() as output:
        process = FORKS.Process(target=_run, args=(str(directory), arguments, environment, output.name))
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode, Path(output.name).read_text()


def _run(directory: str, arguments: list[str], environment: dict[str, str], output: str) -> None:
    assert "longtail" not in sys.modules
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    # As for `python -m`: the working directory, and none of the folders of the project, which pytest puts there.
    outside = [path for path in sys.path if path and ROOT not in [Path(path), Path(path).parent]]
    sys.path[:] = [directory, *outside]
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["snakemake", *arguments]
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
