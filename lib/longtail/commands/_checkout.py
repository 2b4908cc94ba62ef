"""For commands that read more of the project than its library."""

from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT


def require() -> None:
    """InputError where the library was installed without a checkout around it."""
    if not (ROOT / "Snakefile").is_file():
        raise InputError(
            f"there is no {ROOT / 'Snakefile'}: this command reads a checkout of the project; run `make setup` in "
            "one and use the `longtail` in its .venv/bin"
        )
