"""Look at a folder of your own images or titles, and write the configuration for it."""

import argparse
from pathlib import Path

from longtail.survey import look


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folder, and where and how to write."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="train/<class>/*, test/<class>/*, or files of titles"
    )
    parser.add_argument("--name", help="name of the data set (default: from the folder's name)")
    parser.add_argument("--to", type=Path, default=Path(), metavar="FOLDER", help="where to write (default: here)")
    parser.add_argument("--split", type=float, metavar="SHARE", help="without a test split: make one of this share")
    parser.add_argument("--force", action="store_true", help="replace configuration files that exist")


def run(options: argparse.Namespace) -> None:
    """Print what was found and what to run next."""
    print("\n".join(look.init(options.folder, options.name, options.to, options.force, options.split)))
