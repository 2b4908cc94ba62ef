"""A Snakemake within a job of another one: one allocation of a cluster in which many small jobs run."""

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from longtail.runtime import files, joblog
from longtail.runtime.fingerprint import ROOT
from longtail.runtime.orchestration import PYTHON


def snakemake(
    targets: Sequence[str], config: dict[str, Any], cores: int, gpu: int, deployment: Iterable[str], log: Path
) -> None:
    """Make targets on this machine with `cores` and `gpu` jobs at a time on its GPU; what it prints goes to `log`.

    The outer Snakemake holds the lock of the directory. Raises CalledProcessError where a job failed in the end; the
    last line of `log` then tells whether a mistake in the input is the only reason.
    """
    # Not JSON, of which 1e+38 would be text to YAML.
    told = log.with_suffix(".yaml")
    files.write_text(told, yaml.safe_dump(config, allow_unicode=True))
    command = [PYTHON, "-m", "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile"), "--nolock"]
    command += ["--cores", str(cores), "--resources", f"gpu={gpu}", "--configfile", str(told)]
    command += ["--workflow-profile", str(ROOT / "profiles" / "default")]
    if methods := sorted(deployment):
        command += ["--software-deployment-method", *methods]
    environment = {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}
    with log.open("w") as stream:
        ended = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, env=environment, check=False)
    if ended.returncode and (mistakes := _mistakes(log)):
        with log.open("a") as stream:
            print(f"{joblog.MISTAKE}{mistakes[0]}", file=stream)
    ended.check_returncode()


def _mistakes(log: Path) -> list[str]:
    """The sentences of all jobs that failed; none where one of them failed for anything but its input."""
    named = re.findall(r"^ +log: (.+) \(check log file", log.read_text(errors="replace"), re.MULTILINE)
    found = [joblog.mistake(Path(path)) for path in dict.fromkeys(named)]
    return found if all(found) else []
