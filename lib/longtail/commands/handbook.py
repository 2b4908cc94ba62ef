"""Write the tables and pages of the documentation that are made from schemas, parts and methods."""

import argparse

from longtail.commands import _checkout
from longtail.handbook import pages, reference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> None:
    """Rewrite the tables of config/README.md and docs/methods.md, and the pages of docs/methods."""
    _checkout.require()
    reference.write()
    pages.write()
