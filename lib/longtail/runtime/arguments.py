"""Command lines that report a mistake in one sentence."""

import argparse
from pathlib import Path
from typing import NoReturn

from longtail.runtime.errors import InputError


class Parser(argparse.ArgumentParser):
    """An argument parser that raises InputError if an argument is wrong or missing."""

    def error(self, message: str) -> NoReturn:
        """Raise the message as InputError, with a hint at the help."""
        raise InputError(f"{message}: see {self.prog} --help")


def add_configfile(parser: argparse.ArgumentParser) -> None:
    """Add the argument for a user's own configuration files."""
    parser.add_argument(
        "--configfile",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help="files that override config/config.yaml, as with snakemake",
    )
