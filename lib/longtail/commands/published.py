"""Update the pages that show published numbers from the files in results/published."""

import argparse

from longtail.commands import _checkout
from longtail.report import published
from longtail.runtime import files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> None:
    """Rewrite every page in place, between its markers."""
    _checkout.require()
    for page in published.pages():
        files.write_text(page, published.filled(page.read_text()))
