"""What can be seen of a running training: a line an epoch, and a small file for the overview of all."""

import contextlib
import json
import logging
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from longtail.engine.resume import Progress
from longtail.runtime import files
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
WRITE_SECONDS = 1.0
ALIVE_SECONDS = 20.0
NOTHING_YET = dict.fromkeys(("learning_rate", "loss", "test_top1", "images_per_second", "seconds_left"))


class Watch:
    """Counts images and time of a training into its progress, tells the log, and keeps `path` up to date."""

    def __init__(self, path: Path, progress: Progress, epochs: int) -> None:
        self.path = path
        self.progress = progress
        self.epochs = epochs
        self.first = progress.epoch
        self.started = self.seen = time.monotonic()
        self.row: dict[str, float | None] = {"epoch": progress.epoch, **NOTHING_YET}
        if progress.history:
            self.row |= progress.history[-1]
        self._write()

    def step(self, images: int) -> None:
        """Count a training step."""
        self.progress.images += images
        self._pass()
        if self.seen - self.written >= ALIVE_SECONDS:
            self._write()

    @contextlib.contextmanager
    def testing(self) -> Iterator[None]:
        """Time that is not training."""
        self._pass()
        start = time.monotonic()
        yield
        self.progress.training_seconds -= time.monotonic() - start
        self._pass()

    def epoch(self) -> None:
        """Tell of a finished epoch."""
        self._pass()
        progress, row = self.progress, self.progress.history[-1]
        left = (time.monotonic() - self.started) / (progress.epoch - self.first) * (self.epochs - progress.epoch)
        speed = progress.images / max(progress.training_seconds, 1e-9)
        tested = "" if row["test_top1"] is None else f"  test {100 * row['test_top1']:.2f} %"
        log.info(
            f"epoch {progress.epoch}/{self.epochs}  loss {row['loss']:.4f}  lr {row['learning_rate']:g}{tested}  "
            f"{speed:.0f} images/s  {duration(left)} left"
        )
        self.row = row | {"images_per_second": speed, "seconds_left": left}
        if self.seen - self.written >= WRITE_SECONDS:
            self._write()

    def close(self) -> None:
        """Training is over."""
        self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        now = {"updated": time.time(), "pid": os.getpid(), "host": platform.node(), "epochs": self.epochs}
        # A full disk must not end a training for the sake of its display.
        with contextlib.suppress(InputError):
            files.write_text(self.path, json.dumps(self.row | now) + "\n")
        self.written = time.monotonic()

    def _pass(self) -> None:
        now = time.monotonic()
        self.progress.seconds += now - self.seen
        self.progress.training_seconds += now - self.seen
        self.seen = now


def duration(seconds: float) -> str:
    """`1 min 15 s` or `2 h 1 min`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
