"""A check for commands that need a checkout of the project, not just the library."""

from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT


def require() -> None:
    """Raises InputError if the library is installed without a checkout of the project."""
    if not (ROOT / "Snakefile").is_file():
        raise InputError(
            f"there is no {ROOT / 'Snakefile'}: this command reads a checkout of the project; run `make setup` in "
            "one and use the `longtail` in its .venv/bin"
        )
