"""Sentences about where numbers come from: source, runs, code, versions, hardware."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Marks calibration errors of logits that were not trained as those of a softmax.
DAGGER = "†"


def sentences(source: str, seeds: Sequence[int], records: Sequence[Mapping[str, Any]]) -> list[str]:
    """The sentences below a table; `records` are the provenance files of all its trainings."""
    lines = [f"Printed numbers: {source}."] if source else []
    if not records:
        return [*lines, "No run is behind this table yet."]
    lines.append(f"Seeds: {', '.join(map(str, seeds))}.")
    lines.append(f"Commit: {_distinct(record['commit'] for record in records)}.")
    versions = [", ".join(f"{k} {v}" for k, v in sorted(record["versions"].items())) for record in records]
    lines.append(f"Versions: {_distinct(versions)}.")
    hardware = [record["accelerator"] or record["processor"] for record in records]
    lines.append(
        f"Hardware: {_distinct(hardware)}; trained in {_distinct(record['precision'] for record in records)}."
    )
    if imported := sum("imported" in record for record in records):
        lines.append(f"Trained elsewhere and imported: {imported} of {len(records)} trainings.")
    if started := [record["weights"] for record in records if "weights" in record]:
        files = _distinct(f"{weights['source']} (sha256 {weights['sha256'][:8]}…)" for weights in started)
        lines.append(f"Started from trained weights: {len(started)} of {len(records)} trainings, from {files}.")
    return lines


def line(source: str, seeds: Sequence[int], records: Sequence[Mapping[str, Any]], fewest: int | None = None) -> str:
    """The same in one line, for the small print of a figure; `fewest` is the smallest number of runs of a method."""
    plural = "s" if len(seeds) > 1 else ""
    number = f"{fewest} to {len(seeds)}" if fewest and fewest < len(seeds) else f"{len(seeds)}"
    runs = f"n = {number} run{plural} a method (seed{plural} {', '.join(map(str, seeds))})"
    rest = [sentence for sentence in sentences(source, seeds, records) if not sentence.startswith("Seeds:")]
    return " ".join([f"{runs}, last epoch.", *rest])


def after(source: str, seeds: Sequence[int], records: Sequence[Mapping[str, Any]], fewest: int | None = None) -> str:
    """The same for a figure that follows one of a paper, which prints no number."""
    small_print = line("", seeds, records, fewest)
    return f"After {source}. {small_print}" if source else small_print


def explained(calibrations: Iterable[tuple[str, str]]) -> list[str]:
    """Explains the daggers: a sentence for each `calibration` text, with the labels of the methods that have it."""
    labels: dict[str, list[str]] = {}
    for label, text in calibrations:
        labels.setdefault(text, []).append(label)
    return [f"{DAGGER} {', '.join(marked)}: {text.rstrip('.')}." for text, marked in labels.items()]


def counted(source: str, record: Mapping[str, Any]) -> list[str]:
    """The sentences below a table of data sets, which needs no training; `record` is `provenance.machine`."""
    lines = [f"Printed numbers: {source}."] if source else []
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record["versions"].items()))
    return [*lines, f"Counted at commit {record['commit']}.", f"Versions: {versions}."]


def _distinct(values: Any) -> str:
    return "; ".join(sorted(set(values)))
