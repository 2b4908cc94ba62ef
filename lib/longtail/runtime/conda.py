"""The conda that `--use-conda` needs, asked for before anything runs."""

import re
import subprocess

from longtail.runtime.errors import InputError

# What Snakemake demands; it would say so only when the first environment is made, and without a way out.
OLDEST = "24.7.1"


def require_conda() -> None:
    """InputError where the conda on PATH is missing, older than `OLDEST` or does not say its version."""
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


def _refusal(found: str) -> InputError:
    return InputError(
        f"--use-conda needs conda {OLDEST} or newer, and {found}: install Miniforge {OLDEST} or newer, "
        "or leave --use-conda out to run in the environment of `make setup`"
    )
