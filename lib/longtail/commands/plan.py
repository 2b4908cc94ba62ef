"""Show what a run will cost, before anything runs."""

import argparse

from longtail.commands import _graph
from longtail.overview import plan
from longtail.runtime.arguments import add_configfile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A configuration and the cores of this machine."""
    add_configfile(parser)
    _graph.add_cores(parser)


def run(options: argparse.Namespace) -> None:
    """Print the overview."""
    graph = _graph.read(options)
    print("\n".join(plan.lines(graph, _graph.machine(options, graph))))
