"""Reports a running training: a log line for each epoch, and the file progress.json for the overview."""

import contextlib
import json
import logging
import os
import platform
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from longtail.engine import schedule
from longtail.engine.progress import Progress
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.settings.recipe import Recipe

log = logging.getLogger(__name__)
WRITE_SECONDS = 1.0
ALIVE_SECONDS = 20.0
RECENT = 5
NOTHING_YET = dict.fromkeys(("learning_rate", "loss", "test_top1", "images_per_second", "seconds_left"))


class Watch:
    """Adds images and time to the progress of a training, writes the log, and keeps the file `path` up to date.

    Speed and remaining time are estimated from the last epochs of this process, without its start and without the
    time before an interruption. `job` is the process of the job, by default this one.
    """

    def __init__(self, path: Path, progress: Progress, recipe: Recipe, job: int | None = None) -> None:
        self.path = path
        self.job = os.getpid() if job is None else job
        self.progress = progress
        self.recipe = recipe
        self.epochs = recipe.epochs
        self.seen = time.monotonic()
        self.steps = 0
        self.tested = 0.0
        # For each epoch the seconds per image, and for each evaluated epoch the seconds of the test.
        self.paces: list[float] = []
        self.tests: list[float] = []
        self._mark()
        self.row: dict[str, float | None] = {"epoch": progress.epoch, **NOTHING_YET}
        if progress.history:
            self.row |= progress.history[-1]
        self._write()

    def step(self, images: int) -> None:
        """Count a training step."""
        self.steps += 1
        if self.steps == 2:
            self._mark()  # the first step is slow: it includes what is done once, such as capturing a CUDA graph
        self.progress.images += images
        self._pass()
        if self.seen - self.written >= ALIVE_SECONDS:
            self._write()

    @contextlib.contextmanager
    def testing(self) -> Iterator[None]:
        """The context of a test, whose time does not count as training."""
        self._pass()
        start = time.monotonic()
        yield
        self.tested = time.monotonic() - start
        self.progress.training_seconds -= self.tested
        self._pass()

    def epoch(self) -> None:
        """Log a finished epoch."""
        self._pass()
        progress, row = self.progress, self.progress.history[-1]
        images, seconds = progress.images - self.marked_images, progress.seconds - self.marked_seconds
        if row["test_top1"] is not None:
            self.tests.append(self.tested)
            seconds -= self.tested
        if images:  # none after an interruption between the last step of an epoch and its end
            self.paces.append(seconds / images)
        self._mark()
        pace = _recent(self.paces) if self.paces else progress.seconds / max(progress.images, 1)
        speed, left = 1.0 / max(pace, 1e-9), self._left(pace)
        tested = "" if row["test_top1"] is None else f"  test {100 * row['test_top1']:.2f} %"
        log.info(
            f"epoch {progress.epoch}/{self.epochs}  loss {row['loss']:.4f}  lr {row['learning_rate']:g}{tested}  "
            f"{speed:.0f} images/s  {duration(left)} left"
        )
        self.row = row | {"images_per_second": speed, "seconds_left": left}
        if self.seen - self.written >= WRITE_SECONDS:
            self._write()

    def close(self) -> None:
        """Remove the file: training is over."""
        self.path.unlink(missing_ok=True)

    def _left(self, pace: float) -> float:
        """Seconds that the remaining epochs take at `pace` seconds per image, with the recipe's tests.

        Tests count as 0 seconds until the first one was timed.
        """
        done = self.progress.epoch
        to_come = range(done + 1, self.epochs + 1)
        tests = sum(schedule.is_evaluated(self.recipe, epoch) for epoch in to_come)
        images = len(to_come) * self.progress.images / done
        return images * pace + tests * (_recent(self.tests) if self.tests else 0.0)

    def _mark(self) -> None:
        self.marked_images, self.marked_seconds = self.progress.images, self.progress.seconds

    def _write(self) -> None:
        now = {"updated": time.time(), "pid": self.job, "host": platform.node(), "epochs": self.epochs}
        # A full disk must not end a training because of its progress file.
        with contextlib.suppress(InputError):
            files.write_text(self.path, json.dumps(self.row | now) + "\n")
        self.written = time.monotonic()

    def _pass(self) -> None:
        now = time.monotonic()
        self.progress.seconds += now - self.seen
        self.progress.training_seconds += now - self.seen
        self.seen = now


def _recent(times: list[float]) -> float:
    """The median of the last times; the very first one includes start-up and counts only if it is the only one."""
    return statistics.median(times[1:][-RECENT:] or times)


def duration(seconds: float) -> str:
    """`1 min 15 s` or `2 h 1 min`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
