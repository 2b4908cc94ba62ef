"""How far a training is, judged by its files."""

import contextlib
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from longtail.config.plan import CLASSIFIER
from longtail.graph.costs import TrainingJob
from longtail.results import LOGS as RESULT_LOGS
from longtail.results import RUNS
from longtail.runtime import files, joblog, servers
from longtail.stage1 import imported

OUTPUTS = ("last.pt", "history.csv", "provenance.json")
SILENT_SECONDS = 120.0
# Characters of a log in which a job says what GPU it has.
BEGINNING = 4096
LOGS = f"{RESULT_LOGS}/runs"
KINDS = DONE, RUNNING, STOPPED, FAILED, WAITING = ("done", "running", "stopped", "failed", "waiting")

_TRACEBACK = "Traceback (most recent call last):\n"
# The log's own lines begin with the time.
_LOGGED = re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE)
_ON_GPU = re.compile(r"^\d\d:\d\d:\d\d on GPU (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class State:
    """One of KINDS, with details.

    `progress` is the last content of the training's progress.json, `saved` whether it can resume, `silent_since` the
    time of its last update if that is long ago (unix seconds), `error` the error message of a failed job, and
    `outdated` whether its outputs come from other settings or code, so that it is trained again. An `imported` one
    never needs training.
    """

    kind: str
    progress: dict[str, Any] | None = None
    saved: bool = False
    silent_since: float | None = None
    error: str = ""
    outdated: bool = False
    imported: bool = False

    @property
    def left(self) -> float:
        """The fraction of its epochs that is still to do."""
        if self.kind == DONE or self.imported:
            return 0.0
        if self.progress is None or not (self.saved or self.kind == RUNNING):
            return 1.0
        return 1.0 - float(self.progress["epoch"]) / float(self.progress["epochs"])

    def seconds_left(self, now: float) -> float | None:
        """Seconds left from `now` (unix seconds) that a running training has estimated; None without an estimate."""
        if self.kind != RUNNING or self.silent_since or not self.progress or self.progress["seconds_left"] is None:
            return None
        return max(0.0, float(self.progress["seconds_left"]) - (now - float(self.progress["updated"])))


def look(training: TrainingJob, now: float) -> State:
    """The state of a training at `now` (unix seconds)."""
    folder = Path(RUNS) / training.folder
    outdated = False
    if all((folder / name).is_file() for name in OUTPUTS):
        record = read(folder / "provenance.json") or {}
        if _same_settings(record, training) and record.get("code") == training.code:
            return State(DONE)
        outdated = True
    if training.imported:
        error = _error(log(training))
        return State(FAILED if error else WAITING, error=error, imported=True)
    progress, saved = _progress(folder / "progress.json"), (folder / "resume.pt").is_file()
    if error := _error(log(training)):
        return State(FAILED, progress, saved, error=error)
    if progress is None:
        return State(WAITING, outdated=outdated)
    if progress["host"] == platform.node() and not servers.exists(progress["pid"]):
        return State(STOPPED, progress, saved)
    silent = now - progress["updated"] > max(SILENT_SECONDS, 2 * _seconds_per_epoch(progress))
    return State(RUNNING, progress, saved, silent_since=progress["updated"] if silent else None)


def outdated(states: Iterable[State]) -> list[str]:
    """A sentence on the trainings that will be repeated because of other settings or code, if there are any."""
    number = sum(state.outdated for state in states)
    return [f"To be trained again, since settings or code have changed: {number:,}."] if number else []


def log(training: TrainingJob) -> Path:
    """The log of a training's job."""
    folder = Path(LOGS) / training.folder
    if training.block == CLASSIFIER:
        return folder / "train_stage2.log"
    return folder.parent / ("import_stage1.log" if training.imported else "train_stage1.log")


def gpu(training: TrainingJob) -> str:
    """The numbers or names of the GPUs that a training's job says to be on; empty if it does not say it."""
    path = log(training)
    if not path.is_file():
        return ""
    with path.open(errors="replace") as stream:
        found = _ON_GPU.search(stream.read(BEGINNING))
    return found[1] if found else ""


def read(path: Path) -> dict[str, Any] | None:
    """The mapping in a JSON file, which a job may be writing or removing right now; None if it is not readable."""
    with contextlib.suppress(OSError, ValueError):
        content = files.parse_json(path)
        return content if isinstance(content, dict) else None
    return None


def clock(moment: float, now: float) -> str:
    """Unix seconds as the time of day, with the date if it is another day than `now`."""
    then = datetime.fromtimestamp(moment)
    return then.strftime("%H:%M" if then.date() == datetime.fromtimestamp(now).date() else "%Y-%m-%d %H:%M")


def _progress(path: Path) -> dict[str, Any] | None:
    """The progress.json of a training (written by `engine.watch`); None if it is missing or not valid."""
    progress = read(path) or {}
    numbers = {key: progress.get(key) for key in ("epoch", "epochs", "updated", "pid")}
    optional = {key: progress.get(key, "") for key in ("loss", "test_top1", "images_per_second", "seconds_left")}
    if not all(map(_is_number, numbers.values())) or not isinstance(progress.get("host"), str):
        return None
    if not all(value is None or _is_number(value) for value in optional.values()):
        return None
    in_range = 0 <= progress["epoch"] <= progress["epochs"] > 0
    in_range = in_range and 0 < progress["pid"] < 2**31 and 0 <= progress["updated"] < 2**33
    return progress if in_range else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same_settings(record: dict[str, Any], training: TrainingJob) -> bool:
    settings = record.get("settings")
    if "imported" in record and isinstance(settings, dict):
        return not imported.differences(settings, training.settings)
    return bool(settings == training.settings)


def _error(path: Path) -> str:
    """The error message at the end of a failed job's log; empty if the job did not fail."""
    if not path.is_file():
        return ""
    if sentence := joblog.mistake(path):
        return sentence
    text = path.read_text(errors="replace")
    if _TRACEBACK not in text:
        return ""
    frames = text.rsplit(_TRACEBACK, 1)[1]
    exception = next((line for line in frames.splitlines() if line and not line.startswith(" ")), "")
    return "" if _LOGGED.search(frames) else exception


def _seconds_per_epoch(progress: dict[str, Any]) -> float:
    """Estimated length of an epoch: a training with long epochs may go longer without an update."""
    left = progress["epochs"] - progress["epoch"]
    return float(progress["seconds_left"] or 0.0) / left if left else 0.0
