"""What a training job leaves behind: both checkpoints, the history, and where they came from."""

import contextlib
import csv
import hashlib
import io
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from longtail.engine import checkpoint
from longtail.engine.loop import Fitted
from longtail.runtime import files, provenance


@dataclass(frozen=True)
class Recorded:
    """A running training: where it may resume from, under which key, and where its results go."""

    outputs: Any
    resume: Path
    key: str

    def save(self, fitted: Fitted) -> None:
        """Write `last`, `best` and the history."""
        checkpoint.save(self.outputs.last, fitted.last_state)
        checkpoint.save(self.outputs.best, fitted.best_state)
        files.write_text(self.outputs.history, _csv(fitted.history))


@contextlib.contextmanager
def recorded(outputs: Any, settings: dict[str, Any], code: str, inputs: str) -> Iterator[Recorded]:
    """Time a training whose `outputs` name last, best, history and provenance, and write the provenance.

    The resume file stands beside the outputs, where Snakemake, which does not know it, lets it be after a
    failure; it is taken up only under the same settings, code, inputs, torch and kind of processor.
    """
    on_gpu = settings["compute"]["device"] != "cpu" and torch.cuda.is_available()
    accelerator = torch.cuda.get_device_name() if on_gpu else None
    identity = [settings, code, inputs, torch.__version__, platform.machine(), accelerator]
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    resume = Path(outputs.last).with_name("resume.pt")
    started = time.time()
    yield Recorded(outputs, resume, key)
    record = {"settings": settings, "code": code, "inputs": inputs, "accelerator": accelerator}
    record |= provenance.machine() | {"seconds_of_last_start": round(time.time() - started, 1)}
    files.write_json(outputs.provenance, record)
    resume.unlink(missing_ok=True)


def _csv(rows: list[dict[str, float | None]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
