"""Checks, before anything runs, that the conda for `--use-conda` is there and new enough."""

import re
import subprocess

from longtail.runtime.errors import InputError

# Required by Snakemake, which reports it only when the first environment is made, and without a remedy.
OLDEST = "24.7.1"


def require_conda() -> None:
    """Raises InputError if the conda on PATH is missing, older than `OLDEST` or does not print its version."""
    try:
        answer = subprocess.run(["conda", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        raise _refusal("there is none on PATH") from None
    versions = re.findall(r"\d+\.\d+\.\d+", answer)
    if len(versions) != 1:
        raise _refusal(f"`conda --version` answers '{answer}'")
    if _numbers(versions[0]) < _numbers(OLDEST):
        raise _refusal(f"the one on PATH is {versions[0]}")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _refusal(reason: str) -> InputError:
    return InputError(
        f"--use-conda needs conda {OLDEST} or newer, and {reason}: install Miniforge {OLDEST} or newer, "
        "or leave --use-conda out to run in the environment of `make setup`"
    )
