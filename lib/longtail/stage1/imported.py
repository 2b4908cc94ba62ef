"""Stage 1s that were trained elsewhere: whether one is whole and the one wanted, and taking it over."""

import hashlib
import json
import logging
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longtail.data.long_tail import Subset
from longtail.runtime import files, npz
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
CHECKPOINTS = ("last.pt", "best.pt")
FILES = (*CHECKPOINTS, "history.csv", "provenance.json")
# What tables, figures and overviews read of a record.
TOLD = ("settings", "code", "commit", "versions", "processor", "accelerator", "precision", "images", "seconds")
# How another machine computed is its own affair, and stands in the record: a GPU's network may serve a CPU.
OF_THE_MACHINE = ("device", "precision", "threads", "processes", "capture", "deterministic")
SHOWN = 3
ABSENT = object()


def record(source: Path, where: str) -> dict[str, Any]:
    """What a finished Stage 1 says of its making; InputError, beginning with `where`, if it lacks anything."""
    if not source.is_dir():
        raise InputError(f"{where}, key 'source': there is no folder {source}: correct the path")
    for name in FILES:
        if not (source / name).is_file():
            raise InputError(
                f"{where}, key 'source': {source} has no {name}: name the stage1 folder of a finished run, "
                f"with its {', '.join(FILES)}"
            )
    path = source / "provenance.json"
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{where}: {path} is not readable JSON ({error}): transfer it again") from error
    lacking = [key for key in TOLD if not isinstance(content, dict) or key not in content]
    if lacking or not isinstance(content["settings"], dict):
        raise InputError(
            f"{where}: {path} does not say the {(lacking or ['settings'])[0]} of the training: transfer it again"
        )
    told: dict[str, Any] = content
    return told


def difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """In which settings a Stage 1 from elsewhere differs from the one wanted, with both values; empty if in none."""
    there, here = dict(_flat(_comparable(theirs))), dict(_flat(_comparable(ours)))
    keys = [key for key in sorted(there.keys() | here.keys()) if there.get(key, ABSENT) != here.get(key, ABSENT)]
    told = [f"{key} is {_shown(there, key)} there and {_shown(here, key)} here" for key in keys[:SHOWN]]
    more = [f"{len(keys) - SHOWN} more"] if len(keys) > SHOWN else []
    return "; ".join(told + more)


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
            with zipfile.ZipFile(source / name) as archive:
                damaged = archive.testzip()
        except Exception as error:  # bytes that are no archive make it stumble in any way
            damaged = str(error) or type(error).__name__
        if damaged:
            raise InputError(f"{where}: {source / name} is not a whole checkpoint ({damaged}): transfer it again")


def take(
    given: dict[str, str], settings: dict[str, Any], subset: Subset, arrays: Path | str, outputs: Any, where: str
) -> None:
    """Copy the Stage 1 in `given['source']` to `outputs`, its record with where it came from.

    Raises InputError where its hash is not `given['sha256']`, or where it was trained under other settings than
    `settings` or on other images than those of `subset` and `arrays`.
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
    _check_inputs(told, subset, arrays, source, where)
    log.info(f"trained at commit {told['commit']} by code {told['code']}, {told['accelerator'] or told['processor']}")
    copies = {"last.pt": outputs.last, "best.pt": outputs.best, "history.csv": outputs.history}
    for name, target in copies.items():
        with open(source / name, "rb") as original, files.whole(target) as copy:
            shutil.copyfileobj(original, copy)
    files.write_json(outputs.provenance, told | {"imported": given})
    log.info(f"taken from {source}")


def check_settings(told: dict[str, Any], settings: dict[str, Any], source: Path, where: str) -> None:
    """InputError where a record's settings are not those wanted."""
    if differing := difference(told["settings"], settings):
        raise InputError(
            f"{where}: {source} was trained otherwise ({differing}): configure it as there, or remove the line "
            "and it is trained here"
        )


def _check_inputs(told: dict[str, Any], subset: Subset, arrays: Path | str, source: Path, where: str) -> None:
    inputs = told.get("inputs", "")
    if not inputs:
        log.info("its record does not say which images it was trained on")
        return
    size = len(subset.sha256)
    if inputs[:size] != subset.sha256:
        raise InputError(
            f"{where}: {source} was trained on another subset (its index list has sha256 {inputs[:8]}…, the one here "
            f"{subset.sha256[:8]}…): use the same data and seeds.subset, or remove the line and it is trained here"
        )
    if npz.holds(arrays, "train_files"):
        log.info("its images stay in files, whose place is another on every machine: only the subset was compared")
    elif inputs[size:] != (here := files.sha256(arrays)):
        raise InputError(
            f"{where}: {source} was trained on other images (arrays.npz has sha256 {inputs[size:][:8]}… there and "
            f"{here[:8]}… here): use the same data, or remove the line and it is trained here"
        )


def _comparable(settings: dict[str, Any]) -> dict[str, Any]:
    compute = {key: value for key, value in settings.get("compute", {}).items() if key not in OF_THE_MACHINE}
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
