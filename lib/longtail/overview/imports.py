"""The `stage1` block of a configuration, written out for the networks that lie below a folder."""

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from longtail import results
from longtail.config.plan import Run
from longtail.config.strict_yaml import as_line
from longtail.graph import imports
from longtail.graph.graph import Graph
from longtail.overview import text
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.stage1 import imported


def lines(graph: Graph, place: Path, folder: Path | None = None) -> list[str]:
    """YAML with a line for every Stage 1 below `place` that can be taken, and comments on those that cannot.

    A network is known by its settings and by what its images show, whatever its folder and its data set are called.
    Its path is absolute, or relative to the `folder` of the file that the lines are for.
    Raises InputError where `place` holds no Stage 1, or where the images to compare with are not here yet.
    """
    wanted = {run.folder: run for run in graph.plan.asked}
    settings = {folder: imports.wanted_settings(graph.registry, run) for folder, run in wanted.items()}
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    unread: set[str] = set()
    taken, left = [], []
    for source in _networks(place):
        try:
            told = imported.record(source, str(source))
            imported.check_checkpoints(source, str(source))
            for run in _matching(wanted, settings, told, source, unread):
                found[run.folder].setdefault(imported.digest(source), source)
        except InputError as error:
            left.append(f"# - {error}")
    if unread:
        # An error, not a comment in the block: a person who sends the block to a file would not see the comment.
        raise InputError(
            f"networks below {place} cannot be compared with images that are not read yet: run `snakemake --cores "
            f"all {' '.join(sorted(unread))}` with this configuration first"
        )
    for name in sorted(found):
        try:
            taken.append(_line(graph, wanted[name], found[name], folder))
        except InputError as error:
            left.append(f"# - {error}")
    count = text.count(len(taken), "Stage 1")
    head = f"# {count} from {place}, of {len(wanted):,} that this configuration wants."
    block = ["stage1:", *taken] if taken else ["stage1: {}"]
    return [head, *block, *(["# Left out:", *left] if left else [])]


def _networks(place: Path) -> list[Path]:
    """Folders below `place` that are, or should be, finished Stage 1s."""
    if not place.is_dir():
        raise InputError(f"--from: there is no folder {place}: correct the path")
    recorded = {path.parent for path in place.rglob("provenance.json") if not _is_stage2(path)}
    # A training that was interrupted has no record yet.
    found = sorted(recorded | {path for path in place.rglob("stage1") if path.is_dir()})
    if not found:
        raise InputError(
            f"--from: nothing below {place} is a finished Stage 1, a folder with {', '.join(imported.FILES)}: name "
            "the results folder of the other machine"
        )
    return found


def _is_stage2(path: Path) -> bool:
    """Whether a record is that of a Stage 2, which is made here in any case."""
    try:
        return "classifier" in files.read_json(path)["settings"]
    except (InputError, KeyError, TypeError):
        return False  # said when it is read as that of a Stage 1


def _matching(
    wanted: dict[str, Run], settings: dict[str, Any], told: dict[str, Any], source: Path, unread: set[str]
) -> list[Run]:
    """The runs that a network is wanted for; InputError, saying why, where there is none.

    Subsets that have to be read before anybody can tell are added to `unread`.
    """
    differing = {folder: imported.differences(told["settings"], ours) for folder, ours in settings.items()}
    alike = [wanted[folder] for folder in differing if not differing[folder]]
    if not alike:
        closest = min(differing, key=lambda folder: (len(differing[folder]), folder), default="")
        how = f"; {closest} is closest ({imported.told_briefly(differing[closest])})" if closest else ""
        raise InputError(f"{source}: no table or figure asked for wants such a Stage 1{how}")
    seen = {run: _seen(run) for run in alike}
    if found := [run for run in alike if seen[run] == told[imported.SEEN]]:
        return found
    unread |= {_subset(run) for run in alike if seen[run] is None}
    names = ", ".join(sorted({f"{run.setting.dataset} {run.setting.imbalance}" for run in alike}))
    raise InputError(f"{source}: it was trained on other images than those here of {names}")


def _subset(run: Run) -> str:
    return f"{results.DATA}/{run.setting.dataset}/{run.setting.imbalance}/subset.json"


def _seen(run: Run) -> dict[str, str] | None:
    """What the images of a run show; None where they have not been read yet."""
    path = Path(_subset(run))
    content: dict[str, str] | None = files.read_json(path).get("content") if path.is_file() else None
    return content


def _line(graph: Graph, run: Run, networks: dict[str, Path], folder: Path | None) -> str:
    """The line of one run; InputError where it cannot be taken. `networks` are by hash."""
    if len(networks) > 1:
        places = " and ".join(map(str, networks.values()))
        raise InputError(f"{run.folder}: {places} are {len(networks)} networks for one run: keep one of them there")
    ((sha256, source),) = networks.items()
    told = imported.record(source, run.folder)
    imports.check_place(graph.registry, run, sha256, Path(results.RUNS), run.folder)
    remark = "" if told["code"] == graph.parameters.training_code(run) else "  # by other code than is here"
    path = os.path.relpath(source, folder) if folder else os.path.abspath(source)
    return f"  {run.folder}: {as_line({'source': path, 'sha256': sha256})}{remark}"
