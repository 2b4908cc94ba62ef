"""Runs one rule's script without Snakemake: finds its job from the command line (docs/run-one-script.md)."""

import argparse
import os
import pickle
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longtail.runtime import arguments, joblog
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT
from longtail.runtime.parts import LIB

# Libraries read their number of threads from these when they are imported; Snakemake sets them for its jobs.
THREADS = ("OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def job(words: Sequence[str] | None = None) -> Any:
    """The `snakemake` object for a script, with outputs below the folder of `--to` and without a log file.

    Without a log file `joblog.job` leaves output and exceptions to the terminal or the debugger. A mistake on the
    command line ends the script with one sentence and exit code 1.
    """
    try:
        script = Path(sys.argv[0]).name
        options = _options(script, words)
        rule, its_script, snakemake = _job(options.file, options.configfile)
        if its_script != script:
            other = f"{its_script}: start that one" if its_script else f"rule {rule}, which has no script"
            raise InputError(f"{options.file} is not made by {script} but by {other}")
        _check_inputs(snakemake.input, options.configfile)
    except InputError as error:
        sys.exit(f"{joblog.MISTAKE}{error}")
    for variable in THREADS:
        os.environ[variable] = str(snakemake.threads)
    outputs = snakemake.output
    # The items of Snakemake's lists have names, which this copy keeps.
    snakemake.output = type(outputs)(outputs, custom_map=lambda path: os.path.normpath(Path(options.to, path)))
    for path in snakemake.output:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        print(f"writes {path}", file=sys.stderr)
    return snakemake


def _options(script: str, words: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.Parser(
        prog=f"workflow_scripts/{script}",
        description="Run this script alone, with the inputs of a run that exists, in the folder that holds results/.",
    )
    parser.add_argument("file", metavar="FILE", help="an output of the script, as snakemake names it: results/…")
    arguments.add_configfile(parser)
    parser.add_argument(
        "--to",
        default="alone",
        metavar="FOLDER",
        help="where outputs are written, with their paths (default: %(default)s); . replaces those of the run",
    )
    return parser.parse_args(words)


def _job(file: str, config_files: Sequence[Path]) -> tuple[str, str, Any]:
    """Rule, script and `snakemake` of the job that makes a file.

    Found in a process of its own, since Snakemake changes signals, logging and the name of the interpreter.
    """
    command = [sys.executable, "-P", "-m", "longtail.runtime.job_of", file, *map(str, config_files)]
    path = os.pathsep.join(filter(None, [str(LIB.parent), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        # The process has printed the reason.
        sys.exit(1)
    described: tuple[str, str, Any] = pickle.loads(done.stdout)
    return described


def _check_inputs(paths: Sequence[str], config_files: Sequence[Path]) -> None:
    """Raises InputError if inputs are missing, with the command that makes them."""
    if missing := [path for path in paths if not Path(path).exists()]:
        command = ["snakemake", *([] if Path.cwd() == ROOT else ["--snakefile", str(ROOT / "Snakefile")])]
        command += ["--cores", "all", *missing]
        command += ["--configfile", *map(str, config_files)] if config_files else []
        raise InputError(f"{', '.join(missing)}: missing; make it first: {shlex.join(command)}")
