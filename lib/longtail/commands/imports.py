"""Write YAML that imports the finished Stage 1s below a folder instead of training them."""

import argparse
from pathlib import Path

from longtail.commands import _graph
from longtail.overview import imports
from longtail.runtime import files
from longtail.runtime.arguments import add_configfile
from longtail.runtime.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A configuration, the folder to search and the file to write."""
    add_configfile(parser)
    parser.add_argument("--from", dest="origin", default="", metavar="FOLDER", help="where finished Stage 1s lie")
    parser.add_argument("--to", dest="target", type=Path, metavar="FILE", help="the YAML file to write; else printed")


def run(options: argparse.Namespace) -> None:
    """Print the YAML, or write it to a file."""
    graph = _graph.read(options)
    if not options.origin:
        raise InputError("--from is missing: name a folder that holds finished Stage 1s")
    lines = imports.lines(graph, Path(options.origin), options.target and options.target.parent)
    if options.target:
        files.write_text(options.target, "\n".join([*lines, ""]))
        lines = [f"{lines[0].removeprefix('# ')} Written to {options.target}."]
    print("\n".join(lines))
