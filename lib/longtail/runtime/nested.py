"""A Snakemake within a job of another one: one allocation of a cluster in which many small jobs run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from longtail.runtime import files
from longtail.runtime.fingerprint import ROOT


def snakemake(
    targets: Sequence[str], config: dict[str, Any], cores: int, gpu: int, deployment: Iterable[str], log: Path
) -> None:
    """Make targets on this machine with `cores` and `gpu` jobs at a time on its GPU; what it prints goes to `log`.

    The outer Snakemake holds the lock of the directory. Raises CalledProcessError where a job failed in the end.
    """
    told = log.with_suffix(".json")
    files.write_text(told, json.dumps(config, sort_keys=True))
    command = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile"), "--nolock"]
    command += ["--cores", str(cores), "--resources", f"gpu={gpu}", "--configfile", str(told)]
    command += ["--workflow-profile", str(ROOT / "profiles" / "default")]
    if methods := sorted(deployment):
        command += ["--software-deployment-method", *methods]
    environment = {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}
    with log.open("w") as stream:
        subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, env=environment, check=True)
