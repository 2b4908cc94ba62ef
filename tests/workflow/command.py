"""The real command, run in a folder of its own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from tests.workflow import forked

from longtail.config import layers
from longtail.runtime.files import sha256
from longtail.runtime.fingerprint import ROOT

PARTS = ("config", "lib", "profiles", "rules", "workflow_scripts", "envs", "Snakefile")


def snakemake(
    directory: Path, *arguments: str, project: Path = ROOT, before: Callable[[], None] | None = None
) -> tuple[int, str]:
    """Exit code and all that is printed of `snakemake arguments`, run in `directory` with a project's Snakefile.

    `before` runs in the new process ahead of the command.
    """
    if before is None:
        return forked.snakemake(directory, _arguments(project, arguments), _environment())
    running = start(directory, *arguments, project=project, before=before)
    output, _ = running.communicate()
    return running.returncode, output


def start(
    directory: Path,
    *arguments: str,
    project: Path = ROOT,
    before: Callable[[], None] | None = None,
    python: str = sys.executable,
) -> subprocess.Popen[str]:
    """The same, started and not waited for, by some `python`; what it prints is in `stdout`."""
    return subprocess.Popen(
        [python, "-m", "snakemake", *_arguments(project, arguments)],
        cwd=directory,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=before,
    )


def _arguments(project: Path, arguments: tuple[str, ...]) -> list[str]:
    return ["--snakefile", str(project / "Snakefile"), "--cores", "2", *arguments]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}


def overview(directory: Path, *arguments: str, project: Path = ROOT) -> str:
    """What `make plan` or `make progress` prints in `directory`, of a project's library."""
    command = [sys.executable, "-m", "longtail", *arguments, "--cores", "2"]
    environment = os.environ | {"PYTHONPATH": str(project / "lib")}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=True).stdout


def checkout(folder: Path) -> Path:
    """A copy of the project without its results, to be run and edited at will."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return folder


def smallest(folder: Path, **own: Any) -> Path:
    """A folder with a mine.yaml: tiny.yaml for one seed and without figures, `own` keys in place of its."""
    folder.mkdir(exist_ok=True)
    tiny = layers.read([Path(__file__).with_name("tiny.yaml")]) | {"seeds": {"runs": [0]}, "figures": []}
    (folder / "mine.yaml").write_text(yaml.safe_dump(tiny | own))
    return folder


def jobs(output: str) -> dict[str, int]:
    """Number of jobs of each rule, from the last "Job stats" printed; empty if nothing is to be done."""
    if "Job stats:" not in output:
        return {}
    stats = output.rsplit("Job stats:", 1)[1].split("\n\n")[0]
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE) if rule != "total"}


def contents(folder: Path) -> dict[str, str]:
    """Hash of every file below a folder, by its path."""
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}
