"""The `stage1` block of a configuration, written out for the results of another machine."""

from pathlib import Path

from longtail.config import graph as graphs
from longtail.config import imports
from longtail.config.graph import Graph
from longtail.config.plan import Run
from longtail.config.reference import as_yaml
from longtail.overview import text
from longtail.runtime.errors import InputError
from longtail.stage1 import imported


def lines(graph: Graph, results: Path) -> list[str]:
    """YAML with a line for every Stage 1 in `results` that can be taken, and comments on those that cannot.

    Raises InputError where `results` is no folder of results.
    """
    runs = results.absolute() / "runs"
    if not runs.is_dir():
        raise InputError(f"--from: {results} has no folder runs/: name the results folder of the other machine")
    wanted = {run.folder: run for run in graph.plan.runs}
    taken, left = [], []
    for source in sorted(runs.glob("*/*/*/*/*/stage1")):
        folder = str(source.parent.relative_to(runs))
        try:
            if folder not in wanted:
                raise InputError(f"{folder}: no table or figure asked for wants it")
            taken.append(_line(graph, wanted[folder], source))
        except InputError as error:
            left.append(f"# - {error}")
    told = f"# {text.count(len(taken), 'Stage 1')} from {results}, of {len(wanted):,} that this configuration wants."
    block = ["stage1:", *taken] if taken else ["stage1: {}"]
    return [told, *block, *(["# Left out:", *left] if left else [])]


def _line(graph: Graph, run: Run, source: Path) -> str:
    """The line of one run; InputError where it cannot be taken."""
    told = imports.check_one(graph.registry, run, source, run.folder)
    imported.check_checkpoints(source, run.folder)
    sha256 = imported.digest(source)
    imports.check_place(graph.registry, run, sha256, Path(graphs.RUNS), run.folder)
    remark = "" if told["code"] == graph.training_code(run) else "  # by other code than is here"
    return f"  {run.folder}: {as_yaml({'source': str(source), 'sha256': sha256})}{remark}"
