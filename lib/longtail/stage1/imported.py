"""Stage 1s that were trained elsewhere: whether one is whole and the one wanted, and taking it over."""

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
# What tables, figures and overviews read of a record.
TOLD: dict[str, Any] = {
    **{"settings": dict, "code": str, "commit": str, "versions": dict, "processor": str, "accelerator": str | None},
    **{"precision": str, "images": int, "seconds": int | float},
}
# Columns of its history that curves are drawn of.
HISTORY = ("epoch", "loss", "learning_rate", "test_top1")
# How another machine computed is its own affair, and stands in the record: a GPU's network may serve a CPU.
OF_THE_MACHINE = ("device", "precision", "threads", "processes", "capture", "deterministic")
SHOWN = 3
ABSENT = object()
# The key of a record that names by content what the network saw (data/content.py).
SEEN = "images_seen"


def record(source: Path, where: str) -> dict[str, Any]:
    """What a finished Stage 1 says of its making; InputError, beginning with `where`, if it lacks anything."""
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
    told: dict[str, Any] = content if isinstance(content, dict) else {}
    if lacking := [key for key, kind in TOLD.items() if not isinstance(told.get(key, ABSENT), kind)]:
        raise InputError(f"{where}: {path} does not say the {lacking[0]} of the training: transfer it again")
    seen = told.get(SEEN)
    if not isinstance(seen, dict) or not seen or not all(isinstance(value, str) for value in seen.values()):
        raise InputError(f"{where}: {path} does not say in '{SEEN}' which images the network saw: train it here")
    _check_history(source / "history.csv", where)
    return told


def _check_history(path: Path, where: str) -> None:
    try:
        head, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines(), strict=True)
        if lacking := sorted(set(HISTORY) - set(head)):
            raise ValueError(f"it lacks the column '{lacking[0]}'")
        if not rows or any(len(row) != len(head) for row in rows):
            raise ValueError("it has no epochs, or not all of their columns")
        for cell in (cell for row in rows for cell in row if cell):
            float(cell)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{where}: {path} is not the history of a training ({error}): transfer it again") from error


def differences(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Every setting in which a Stage 1 from elsewhere differs from the one wanted, with both values."""
    there, here = dict(_flat(_comparable(theirs))), dict(_flat(_comparable(ours)))
    keys = [key for key in sorted(there.keys() | here.keys()) if there.get(key, ABSENT) != here.get(key, ABSENT)]
    return [f"{key} is {_shown(there, key)} there and {_shown(here, key)} here" for key in keys]


def told_briefly(found: list[str]) -> str:
    """The first few differences as part of a sentence, and how many more there are."""
    more = [f"{len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "; ".join(found[:SHOWN] + more)


def digest(source: Path) -> str:
    """Hash of a finished Stage 1: of its files' bytes, one after the other in the order of FILES."""
    hasher = hashlib.sha256()
    for name in FILES:
        with open(source / name, "rb") as handle:
            hashlib.file_digest(handle, lambda: hasher)
    return hasher.hexdigest()


def check_checkpoints(source: Path, where: str) -> None:
    """InputError where a checkpoint was cut short or changed, as the checksums inside it tell."""
    for name in CHECKPOINTS:
        try:
            files.check_archive(source / name)
        except Exception as error:  # bytes that are no archive make it stumble in any way
            reason = str(error) or type(error).__name__
            raise InputError(
                f"{where}: {source / name} is not a whole checkpoint ({reason}): transfer it again"
            ) from error


def check(given: dict[str, str], settings: dict[str, Any], seen: dict[str, str], where: str) -> dict[str, Any]:
    """The record of the Stage 1 in `given['source']`, once all that its files tell has been compared.

    `seen` names the images here (`data.content`). Raises InputError where its hash is not `given['sha256']`, or where
    it was trained under other settings than `settings` or on other images.
    """
    source, wanted = Path(given["source"]), given["sha256"]
    told = record(source, where)
    found = digest(source)
    if found != wanted:
        raise InputError(
            f"{where}, key 'sha256': the files in {source} have {found}, not {wanted}: transfer them again, or "
            "correct the key if they are the ones you mean"
        )
    check_settings(told, settings, source, where)
    check_images(told, seen, source, where)
    if "by" in seen:
        log.info(f"its images stay in files: only {seen['by']} were compared")
    return told


def take(given: dict[str, str], told: dict[str, Any], outputs: Any) -> None:
    """Copy the Stage 1 in `given['source']` to `outputs`; its record `told` says from now on where it came from."""
    source = Path(given["source"])
    log.info(f"trained at commit {told['commit']} by code {told['code']}, {told['accelerator'] or told['processor']}")
    copies = {"last.pt": outputs.last, "best.pt": outputs.best, "history.csv": outputs.history}
    for name, target in copies.items():
        with open(source / name, "rb") as original, files.whole(target) as copy:
            shutil.copyfileobj(original, copy)
    files.write_json(outputs.provenance, told | {"imported": given | {"source": shown(source)}})
    log.info(f"taken from {source}")


def check_settings(told: dict[str, Any], settings: dict[str, Any], source: Path, where: str) -> None:
    """InputError where a record's settings are not those wanted."""
    if differing := differences(told["settings"], settings):
        raise InputError(
            f"{where}: {source} was trained otherwise ({told_briefly(differing)}): configure it as there, or remove "
            "the line and it is trained here"
        )


def check_images(told: dict[str, Any], seen: dict[str, str], source: Path, where: str) -> None:
    """InputError where a record does not say that the network saw the images `seen` (`data.content`)."""
    by, ours = (content.get("by", "pixels") for content in (told[SEEN], seen))
    if by != ours:
        raise InputError(
            f"{where}: {source} knows its images by {by} and the data here are known by {ours}, which cannot be "
            "compared: read the data here as there, or remove the line and it is trained here"
        )
    for split in sorted(seen.keys() | told[SEEN].keys()):
        there, here = told[SEEN].get(split, "none"), seen.get(split, "none")
        if there != here:
            raise InputError(
                f"{where}: {source} was trained on other images (their digest of {split} is {there[:8]}… there and "
                f"{here[:8]}… here): use the same data and seeds.subset, or remove the line and it is trained here"
            )


def _comparable(settings: dict[str, Any]) -> dict[str, Any]:
    compute = settings.get("compute", {})
    if isinstance(compute, dict):  # of a record that somebody changed it may be anything
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
