"""The outputs of a training job: both checkpoints, the history, and the provenance."""

import contextlib
import csv
import hashlib
import io
import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from longtail.engine import checkpoint, device
from longtail.engine.device import Backend
from longtail.engine.loop import Fitted
from longtail.engine.resume import Resume
from longtail.runtime import files, provenance
from longtail.settings.compute import Compute


class Recorded:
    """A running training: its resume file, and the paths of its results."""

    def __init__(self, outputs: Any, resume: Resume) -> None:
        self.outputs = outputs
        self.resume = resume
        self.cost: dict[str, Any] = {}
        # What the network started from, where it starts from trained weights.
        self.started: dict[str, Any] = {}

    def save(self, fitted: Fitted) -> None:
        """Write `last`, `best` and the history."""
        checkpoint.save(self.outputs.last, fitted.last_state)
        checkpoint.save(self.outputs.best, fitted.best_state)
        files.write_text(self.outputs.history, _csv(fitted.history))
        speed = fitted.images / max(fitted.training_seconds, 1e-9)
        self.cost = {"images": fitted.images, "seconds": round(fitted.seconds, 1)}
        self.cost |= {"images_per_second": round(speed, 1)}


@contextlib.contextmanager
def recorded(snakemake: Any, compute: Compute, inputs: str, images_seen: dict[str, str]) -> Iterator[Recorded]:
    """Prepare the device of a training, and write its provenance after its outputs.

    `snakemake` is the object in the job's script, whose outputs are last, best, history and provenance; `inputs` is
    the hash of the input files on this machine, and `images_seen` identifies their content (`data.content`). The
    resume file is beside the outputs; Snakemake does not know it, and so does not delete it after a failure.
    """
    outputs, settings, code = snakemake.output, json.loads(snakemake.params.settings), snakemake.params.code
    backend = device.prepare(compute)
    resume = Resume(Path(outputs.last).with_name("resume.pt"), _identity(settings, code, inputs, backend))
    run = Recorded(outputs, resume)
    yield run
    precision = str(backend.precision).removeprefix("torch.")
    record = {"settings": settings, "code": code, "inputs": inputs, "images_seen": images_seen}
    record |= {"accelerator": backend.accelerator, "precision": precision} | run.cost
    record |= {"weights": run.started} if run.started else {}
    files.write_json(outputs.provenance, record | provenance.machine())
    resume.path.unlink(missing_ok=True)
    for leftover in resume.path.parent.glob(".*.tmp"):  # of a process that was killed while it was writing
        leftover.unlink()


def _identity(settings: dict[str, Any], code: str, inputs: str, backend: Backend) -> dict[str, str]:
    """What must be the same for a resume file to be used; the keys are the words for messages."""
    text = json.dumps(settings, sort_keys=True)
    processor = f"{platform.machine()} {backend.accelerator or ''} {backend.precision}"
    return {
        "settings": hashlib.sha256(text.encode()).hexdigest(),
        "code": code,
        "inputs": inputs,
        "PyTorch version": str(torch.__version__),
        "processor": processor,
    }


def _csv(rows: list[dict[str, float | None]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
