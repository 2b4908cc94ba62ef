"""Where published numbers come from, in sentences: source, runs, code, versions, hardware."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Behind calibration errors of logits that were not trained as those of a softmax.
DAGGER = "†"


def sentences(source: str, seeds: Sequence[int], records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What stands under every table; `records` are the provenance files of all trainings behind it."""
    told = [f"Printed numbers: {source}."] if source else []
    if not records:
        return [*told, "No run is behind this table yet."]
    told.append(f"Seeds: {', '.join(map(str, seeds))}.")
    told.append(f"Commit: {_distinct(record['commit'] for record in records)}.")
    versions = [", ".join(f"{k} {v}" for k, v in sorted(record["versions"].items())) for record in records]
    told.append(f"Versions: {_distinct(versions)}.")
    hardware = [record["accelerator"] or record["processor"] for record in records]
    told.append(
        f"Hardware: {_distinct(hardware)}; trained in {_distinct(record['precision'] for record in records)}."
    )
    if taken := sum("imported" in record for record in records):
        told.append(f"Trained elsewhere and imported: {taken} of {len(records)} trainings.")
    return told


def line(source: str, seeds: Sequence[int], records: Sequence[Mapping[str, Any]], fewest: int | None = None) -> str:
    """The same in one line, for the small print of a figure; `fewest` runs are behind some method, if not all."""
    plural = "s" if len(seeds) > 1 else ""
    number = f"{fewest} to {len(seeds)}" if fewest and fewest < len(seeds) else f"{len(seeds)}"
    runs = f"n = {number} run{plural} a method (seed{plural} {', '.join(map(str, seeds))})"
    rest = [sentence for sentence in sentences(source, seeds, records) if not sentence.startswith("Seeds:")]
    return " ".join([f"{runs}, last epoch.", *rest])


def after(source: str, seeds: Sequence[int], records: Sequence[Mapping[str, Any]], fewest: int | None = None) -> str:
    """The same for a figure that follows one of a paper, which prints no number."""
    told = line("", seeds, records, fewest)
    return f"After {source}. {told}" if source else told


def explained(calibrations: Iterable[tuple[str, str]]) -> list[str]:
    """What the daggers say: a sentence per `calibration` of a method, with the labels marked by it."""
    labels: dict[str, list[str]] = {}
    for label, text in calibrations:
        labels.setdefault(text, []).append(label)
    return [f"{DAGGER} {', '.join(found)}: {text.rstrip('.')}." for text, found in labels.items()]


def counted(source: str, record: Mapping[str, Any]) -> list[str]:
    """What stands under a table of data sets, which no training is behind; `record` is `provenance.machine`."""
    told = [f"Printed numbers: {source}."] if source else []
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record["versions"].items()))
    return [*told, f"Counted at commit {record['commit']}.", f"Versions: {versions}."]


def _distinct(values: Any) -> str:
    return "; ".join(sorted(set(values)))
