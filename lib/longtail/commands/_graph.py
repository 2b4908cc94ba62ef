"""The graph of a configuration, for commands that read one."""

import argparse

from longtail.commands import _checkout
from longtail.config import layers
from longtail.config.registry import CONFIG
from longtail.graph import costs
from longtail.graph.graph import Graph
from longtail.overview import speeds
from longtail.overview.speeds import Machine
from longtail.runtime.errors import InputError


def add_cores(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the number of cores that Snakemake may use."""
    parser.add_argument("--cores", default="all", help="as for snakemake: a number, or all (default)")


def read(options: argparse.Namespace) -> Graph:
    """The graph of config/config.yaml, overridden by the files of `--configfile`."""
    _checkout.require()
    config_files = [CONFIG / "config.yaml", *options.configfile]
    graph = Graph.of(layers.read(config_files), config_files)
    costs.check_batches(graph)
    return graph


def machine(options: argparse.Namespace, graph: Graph) -> Machine:
    """This machine, with the cores of `--cores`."""
    return Machine.here(graph, _number(options.cores))


def _number(text: str) -> int:
    if text == "all":
        return speeds.cores()
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--cores is '{text}': give a number from 1 on, or all")
    return int(text)
