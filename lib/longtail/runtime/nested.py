"""Runs a Snakemake within a job of another one, so that many small jobs share one allocation of a cluster."""

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
    """Make targets on this machine with `cores` and `gpu` jobs at a time on its GPU; its output goes to `log`.

    The outer Snakemake holds the lock of the directory. Raises CalledProcessError if a job fails; if wrong input is
    the only reason, the last line of `log` says so.
    """
    # Not JSON: YAML would read its 1e+38 as text.
    config_file = log.with_suffix(".yaml")
    files.write_text(config_file, yaml.safe_dump(config, allow_unicode=True))
    command = [PYTHON, "-m", "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile"), "--nolock"]
    command += ["--cores", str(cores), "--resources", f"gpu={gpu}", "--configfile", str(config_file)]
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
    """The error messages of all failed jobs; empty if one of them failed for another reason than its input."""
    logs = re.findall(r"^ +log: (.+) \(check log file", log.read_text(errors="replace"), re.MULTILINE)
    mistakes = [joblog.mistake(Path(path)) for path in dict.fromkeys(logs)]
    return mistakes if all(mistakes) else []
