"""Command lines whose mistakes are one sentence."""

import argparse
from pathlib import Path
from typing import NoReturn

from longtail.runtime.errors import InputError


class Parser(argparse.ArgumentParser):
    """Raises InputError where an argument is wrong or missing."""

    def error(self, message: str) -> NoReturn:
        """The sentence, with the way to the help."""
        raise InputError(f"{message}: see {self.prog} --help")


def add_configfile(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a person's own configuration files."""
    parser.add_argument(
        "--configfile",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help="laid upon config/config.yaml, as with snakemake",
    )
