"""Writes the `stage1` block of a configuration, which imports the finished networks below a folder."""

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from longtail import results
from longtail.config import chain, settings
from longtail.config.plan import Setting, Training
from longtail.config.strict_yaml import as_line
from longtail.graph import imports
from longtail.graph.graph import Graph
from longtail.overview import text
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.stage1 import imported


def lines(graph: Graph, place: Path, folder: Path | None = None) -> list[str]:
    """YAML with a line for every Stage 1 below `place` that can be imported, and comments on the others.

    A network is matched by its settings and by the content of its images, not by the names of its folder or data set.
    Its path is absolute, or relative to the `folder` of the file that the lines are written to.
    Raises InputError if `place` holds no Stage 1, or if the images to compare with have not been read yet.
    """
    networks = chain.networks(graph.plan)
    ours = {folder: settings.of_training(graph.registry, network) for folder, network in networks.items()}
    sources: dict[str, dict[str, Path]] = defaultdict(dict)
    unread: set[str] = set()
    taken, left_out = [], []
    for source in _finished_networks(place):
        try:
            record = imported.read_record(source, str(source))
            imported.check_checkpoints(source, str(source))
            for network in _matching(networks, ours, record, source, unread):
                sources[network.run].setdefault(imported.digest(source), source)
        except InputError as error:
            left_out.append(f"# - {error}")
    if unread:
        # An error, not a comment in the block: a person who sends the block to a file would not see the comment.
        raise InputError(
            f"networks below {place} cannot be compared with images that are not read yet: run `snakemake --cores "
            f"all {' '.join(sorted(unread))}` with this configuration first"
        )
    for name in sorted(sources):
        try:
            taken.append(_line(graph, networks[name], sources[name], folder))
        except InputError as error:
            left_out.append(f"# - {error}")
    count = text.count(len(taken), "Stage 1")
    head = f"# {count} from {place}, of {len(networks):,} that this configuration uses."
    block = ["stage1:", *taken] if taken else ["stage1: {}"]
    return [head, *block, *(["# Left out:", *left_out] if left_out else [])]


def _finished_networks(place: Path) -> list[Path]:
    """Folders below `place` that are, or should be, finished Stage 1s."""
    if not place.is_dir():
        raise InputError(f"--from: there is no folder {place}: correct the path")
    recorded = {path.parent for path in place.rglob("provenance.json") if not _is_stage2(path)}
    # An interrupted training has no record yet.
    folders = sorted(recorded | {path for path in place.rglob("stage1") if path.is_dir()})
    if not folders:
        raise InputError(
            f"--from: nothing below {place} is a finished Stage 1, a folder with {', '.join(imported.FILES)}: name "
            "the results folder of the other machine"
        )
    return folders


def _is_stage2(path: Path) -> bool:
    """Whether a record is that of a Stage 2, which is never imported."""
    try:
        return "classifier" in files.read_json(path)["settings"]
    except (InputError, KeyError, TypeError):
        return False  # reported when it is read as the record of a Stage 1


def _matching(
    networks: dict[str, Training], settings: dict[str, Any], record: dict[str, Any], source: Path, unread: set[str]
) -> list[Training]:
    """The networks of the plan that the one in `source` can replace; raises InputError with the reason if none.

    Subsets that must be read before their images can be compared are added to `unread`.
    """
    differing = {folder: imported.differences(record["settings"], ours) for folder, ours in settings.items()}
    alike = [networks[folder] for folder in differing if not differing[folder]]
    if not alike:
        closest = min(differing, key=lambda folder: (len(differing[folder]), folder), default="")
        how = f"; {closest} is closest ({imported.summary(differing[closest])})" if closest else ""
        raise InputError(f"{source}: no requested table or figure uses such a Stage 1{how}")
    seen = {network: _images_seen(network.setting) for network in alike}
    if same := [network for network in alike if seen[network] == record[imported.SEEN]]:
        return same
    unread |= {_subset(network.setting) for network in alike if seen[network] is None}
    names = ", ".join(sorted({f"{network.setting.dataset} {network.setting.imbalance}" for network in alike}))
    raise InputError(f"{source}: it was trained on other images than those here of {names}")


def _subset(setting: Setting) -> str:
    return results.subset(setting.dataset, setting.imbalance)


def _images_seen(setting: Setting) -> dict[str, str] | None:
    """Digests of the images of a setting; None if they have not been read yet."""
    path = Path(_subset(setting))
    content: dict[str, str] | None = files.read_json(path).get("content") if path.is_file() else None
    return content


def _line(graph: Graph, network: Training, sources: dict[str, Path], folder: Path | None) -> str:
    """The line of one network; raises InputError if it cannot be imported. `sources` are its folders by hash."""
    if len(sources) > 1:
        places = " and ".join(map(str, sources.values()))
        raise InputError(f"{network.run}: {places} are {len(sources)} networks for one run: keep one of them there")
    ((sha256, source),) = sources.items()
    record = imported.read_record(source, network.run)
    imports.check_place(graph.registry, network, sha256, Path(results.RUNS), network.run)
    remark = "" if record["code"] == graph.parameters.training_code(network) else "  # by other code than is here"
    path = os.path.relpath(source, folder) if folder else os.path.abspath(source)
    return f"  {network.run}: {as_line({'source': path, 'sha256': sha256})}{remark}"
