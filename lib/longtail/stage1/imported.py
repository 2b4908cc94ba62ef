"""Imports Stage 1s that were trained elsewhere: checks their files, settings and images, and copies them."""

import csv
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.runtime.provenance import shown

log = logging.getLogger(__name__)
CHECKPOINTS = ("last.pt", "best.pt")
FILES = (*CHECKPOINTS, "history.csv", "provenance.json")
# The keys of a record that tables, figures and overviews read, with their types.
RECORDED: dict[str, Any] = {
    **{"settings": dict, "code": str, "commit": str, "versions": dict, "processor": str, "accelerator": str | None},
    **{"precision": str, "images": int, "seconds": int | float},
}
# The columns of a history that curves are drawn from.
HISTORY = ("epoch", "loss", "learning_rate", "test_top1")
# Keys of `compute` that may differ from those here: a network from a GPU can be used on a CPU.
OF_THE_MACHINE = ("device", "precision", "threads", "processes", "capture", "deterministic", "fused")
# How many differences an error message lists.
LISTED = 3
ABSENT = object()
# The key of a record with digests of the images that the network was trained and tested on (data/content.py).
SEEN = "images_seen"


def read_record(source: Path, where: str) -> dict[str, Any]:
    """The provenance of a finished Stage 1; raises InputError, beginning with `where`, if anything is missing."""
    if not os.path.isdir(source):
        raise InputError(f"{where}, key 'source': there is no folder {source}: correct the path")
    for name in FILES:
        if not os.path.isfile(source / name):
            raise InputError(
                f"{where}, key 'source': {source} has no {name}: name the stage1 folder of a finished run, "
                f"with its {', '.join(FILES)}"
            )
    path = source / "provenance.json"
    try:
        content = files.parse_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{where}: {path} is not readable JSON ({error}): transfer it again") from error
    record: dict[str, Any] = content if isinstance(content, dict) else {}
    if missing := [key for key, kind in RECORDED.items() if not isinstance(record.get(key, ABSENT), kind)]:
        raise InputError(f"{where}: {path} lacks the {missing[0]} of the training: transfer it again")
    seen = record.get(SEEN)
    if not isinstance(seen, dict) or not seen or not all(isinstance(value, str) for value in seen.values()):
        raise InputError(f"{where}: {path} does not list in '{SEEN}' the images that the network saw: train it here")
    _check_history(source / "history.csv", where)
    return record


def _check_history(path: Path, where: str) -> None:
    try:
        head, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines(), strict=True)
        if missing := sorted(set(HISTORY) - set(head)):
            raise ValueError(f"it lacks the column '{missing[0]}'")
        if not rows or any(len(row) != len(head) for row in rows):
            raise ValueError("it has no epochs, or not all of their columns")
        for cell in (cell for row in rows for cell in row if cell):
            float(cell)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{where}: {path} is not the history of a training ({error}): transfer it again") from error


def differences(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Every setting in which a Stage 1 from elsewhere differs from the requested one, with both values."""
    there, here = dict(_flat(_comparable(theirs))), dict(_flat(_comparable(ours)))
    keys = [key for key in sorted(there.keys() | here.keys()) if there.get(key, ABSENT) != here.get(key, ABSENT)]
    return [f"{key} is {_shown(there, key)} there and {_shown(here, key)} here" for key in keys]


def summary(differences: list[str]) -> str:
    """The first few differences as part of a sentence, and the number of further ones."""
    more = [f"{len(differences) - LISTED} more"] if len(differences) > LISTED else []
    return "; ".join(differences[:LISTED] + more)


def digest(source: Path) -> str:
    """Hash of a finished Stage 1: of the bytes of its files, concatenated in the order of FILES."""
    hasher = hashlib.sha256()
    for name in FILES:
        with open(source / name, "rb") as handle:
            hashlib.file_digest(handle, lambda: hasher)
    return hasher.hexdigest()


def check_checkpoints(source: Path, where: str) -> None:
    """Raises InputError if a checkpoint was truncated or changed, which the checksums inside it show."""
    for name in CHECKPOINTS:
        try:
            files.check_archive(source / name)
        except Exception as error:  # damaged bytes may raise any exception
            reason = str(error) or type(error).__name__
            raise InputError(
                f"{where}: {source / name} is not a whole checkpoint ({reason}): transfer it again"
            ) from error


def check(entry: dict[str, str], settings: dict[str, Any], seen: dict[str, str], where: str) -> dict[str, Any]:
    """The record of the Stage 1 that `entry` of the configuration imports, after all checks that need no network.

    `seen` are digests of the images here (`data.content`). Raises InputError if the hash is not `entry['sha256']`, or
    if the Stage 1 was trained with other settings than `settings` or on other images.
    """
    source, expected = Path(entry["source"]), entry["sha256"]
    record = read_record(source, where)
    actual = digest(source)
    if actual != expected:
        raise InputError(
            f"{where}, key 'sha256': the files in {source} have {actual}, not {expected}: transfer them again, or "
            "correct the key if they are the ones you mean"
        )
    check_settings(record, settings, source, where)
    check_images(record, seen, source, where)
    if "by" in seen:
        log.info(f"its images stay in files: only {seen['by']} were compared")
    return record


def take(entry: dict[str, str], record: dict[str, Any], outputs: Any) -> None:
    """Copy the Stage 1 in `entry['source']` to `outputs`; the copied `record` also says where it comes from."""
    source = Path(entry["source"])
    hardware = record["accelerator"] or record["processor"]
    log.info(f"trained at commit {record['commit']} by code {record['code']}, {hardware}")
    copies = {"last.pt": outputs.last, "best.pt": outputs.best, "history.csv": outputs.history}
    for name, target in copies.items():
        with open(source / name, "rb") as original, files.whole(target) as copy:
            shutil.copyfileobj(original, copy)
    files.write_json(outputs.provenance, record | {"imported": entry | {"source": shown(source)}})
    log.info(f"copied from {source}")


def check_settings(record: dict[str, Any], settings: dict[str, Any], source: Path, where: str) -> None:
    """Raises InputError if a record has other settings than the requested ones."""
    if differing := differences(record["settings"], settings):
        raise InputError(
            f"{where}: {source} was trained with other settings ({summary(differing)}): use the same settings here, "
            "or remove the line to train it here"
        )


def check_images(record: dict[str, Any], seen: dict[str, str], source: Path, where: str) -> None:
    """Raises InputError if a record lists other images than `seen` (`data.content`)."""
    theirs, ours = (digests.get("by", "pixels") for digests in (record[SEEN], seen))
    if theirs != ours:
        raise InputError(
            f"{where}: {source} identifies its images by {theirs}, but the data here are identified by {ours}, so "
            "that they cannot be compared: read the data here as there, or remove the line to train it here"
        )
    for split in sorted(seen.keys() | record[SEEN].keys()):
        there, here = record[SEEN].get(split, "none"), seen.get(split, "none")
        if there != here:
            raise InputError(
                f"{where}: {source} was trained on other images (their digest of {split} is {there[:8]}… there and "
                f"{here[:8]}… here): use the same data and seeds.subset, or remove the line to train it here"
            )


def _comparable(settings: dict[str, Any]) -> dict[str, Any]:
    compute = settings.get("compute", {})
    if isinstance(compute, dict):  # an edited record may hold anything
        compute = {key: value for key, value in compute.items() if key not in OF_THE_MACHINE}
    plain: dict[str, Any] = json.loads(json.dumps(settings | {"compute": compute}))
    return plain


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(settings: dict[str, Any], key: str) -> str:
    return json.dumps(settings[key]) if key in settings else "not set"
