"""`python -m longtail.overview plan|progress|imports [--configfile FILE ...]`, from the project's root."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from longtail.config import layers
from longtail.config.registry import CONFIG
from longtail.graph import costs
from longtail.graph.graph import Graph
from longtail.overview import imports, plan, progress, speeds
from longtail.overview.speeds import Machine
from longtail.runtime import files
from longtail.runtime.errors import InputError

OVERVIEWS = {"plan": plan.lines, "progress": progress.lines}
IMPORTS = "imports"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print an overview; bad input is one sentence and exit code 1."""
    parser = argparse.ArgumentParser(prog="longtail.overview", description="What a run will take, and how far it is.")
    parser.add_argument(
        "overview",
        choices=[*OVERVIEWS, IMPORTS],
        help="plan: before anything runs; progress: while it runs; imports: YAML of the networks below a folder",
    )
    parser.add_argument(
        "--configfile",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help="laid upon config/config.yaml, as with snakemake",
    )
    parser.add_argument("--cores", default="all", help="what snakemake is given: a number, or all (default)")
    parser.add_argument("--from", dest="origin", default="", metavar="FOLDER", help="imports: where they lie")
    parser.add_argument("--to", dest="target", type=Path, metavar="FILE", help="imports: the YAML file to write")
    given = parser.parse_args(arguments)
    try:
        if given.overview != IMPORTS and (given.origin or given.target):
            raise InputError("--from and --to belong to imports: remove them")
        config_files = [CONFIG / "config.yaml", *given.configfile]
        graph = Graph.of(layers.read(config_files), config_files)
        costs.check_batches(graph)
        if given.overview == IMPORTS:
            told = imports.lines(graph, _origin(given.origin), given.target and given.target.parent)
        else:
            told = OVERVIEWS[given.overview](graph, Machine.here(graph, _cores(given.cores)))
        if given.target:
            files.write_text(given.target, "\n".join([*told, ""]))
            told = [f"{told[0].removeprefix('# ')} Written to {given.target}."]
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(told))
    return 0


def _cores(text: str) -> int:
    if text == "all":
        return speeds.cores()
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--cores is '{text}': give a number from 1 on, or all")
    return int(text)


def _origin(text: str) -> Path:
    if not text:
        raise InputError("--from is missing: name a folder that holds finished Stage 1s")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
