"""Copies tables and figures to a folder that git tracks, with a manifest of their origin."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longtail import results
from longtail.evaluate.columns import METRICS
from longtail.runtime import files, provenance


def publish(
    manifest: Path | str,
    tables: Sequence[str],
    figures: Sequence[str],
    metrics: Sequence[str],
    trainings: Sequence[str],
    choices: Sequence[str] = (),
    configuration: Sequence[str] = (),
) -> None:
    """Copy tables and figures into the folder of the manifest, and write the manifest.

    It holds commit, versions, hardware, wall time, scores and hashes. `configuration` names the files of `config/`
    that the results were made from.
    """
    content: dict[str, Any] = provenance.machine() | {"configuration": list(configuration)}
    folder = Path(manifest).parent
    kept = [(Path(path), Path(results.name(path)).relative_to(results.RESULTS)) for path in (*tables, *figures)]
    for source, place in kept:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / place)
    content["trainings"] = {results.name(path): files.read_json(path) for path in trainings}
    content["choices"] = {results.name(path): files.read_json(path) for path in choices}
    content["runs"] = {results.name(path): _headline(files.read_json(path)) for path in metrics}
    content["files"] = {str(place): files.sha256(folder / place) for _, place in kept}
    files.write_json(manifest, content)


def _headline(scores: dict[str, Any]) -> dict[str, Any]:
    """The metrics with their intervals, by protocol, without the values of single classes and bins."""
    keys = [*dict.fromkeys(metric.under or metric.name for metric in METRICS.values()), "interval"]
    return {protocol: {key: score[key] for key in keys} for protocol, score in scores.items()}
