"""The epoch loop: schedule, history, model selection, stopping and resuming."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from longtail.engine import optimizer, schedule, step
from longtail.engine.batches import Batch
from longtail.engine.resume import Progress, Resume
from longtail.engine.stopping import Stopping
from longtail.engine.watch import Watch
from longtail.runtime import signals
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
CHECK_SECONDS = 1.0


class Learner(step.Learner, Protocol):
    """What a stage gives the loop: a module to train, how it learns from a batch and how it is tested."""

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """The batches of an epoch counted from 1, from batch number `first` on, settled by the order seed."""

    def test_top1(self) -> float:
        """Test accuracy as a fraction."""

    def validation_loss(self) -> float:
        """Mean loss on the validation split; asked of recipes that stop early alone."""


@dataclass(frozen=True)
class Fitted:
    """A finished training: history rows, the state it ended with and that of the best epoch, and its cost.

    `images` were passed in `seconds`, of which `training_seconds` without testing.
    """

    history: list[dict[str, float | None]]
    best_epoch: int
    last_state: dict[str, Tensor]
    best_state: dict[str, Tensor]
    images: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0


def fit(learner: Learner, recipe: dict[str, Any], resume: Resume) -> Fitted:
    """Train for the recipe's epochs, or until its early stopping ends it: then it ends with the state kept by that.

    `best` is the evaluated epoch of the highest test top-1 (the first of equals): the papers' habit.
    A state that `resume` holds is taken up, in the middle of an epoch if need be.
    Raises InputError when the loss is not finite, and signals.Stopped, with the state saved, when asked to stop.
    """
    progress = resume.take_up(learner)
    learner.world.agree(learner.module, learner.optimizer, progress.epoch, len(progress.losses))
    watch = Watch(resume.path.with_name("progress.json"), progress, recipe)
    with signals.noted() as asked:
        stopping = Stopping(recipe, progress, learner)
        training = _Training(learner, progress, resume, watch, asked, stopping)
        for epoch in range(progress.epoch + 1, recipe["epochs"] + 1):
            rate = schedule.learning_rate(recipe, epoch)
            loss = training.epoch(epoch, rate)
            is_last = epoch == recipe["epochs"] or stopping.is_over()
            top1 = None
            if is_last or schedule.is_evaluated(recipe, epoch):
                with watch.testing():
                    top1 = learner.test_top1()
                    if is_last:
                        stopping.finish()
            progress.finish_epoch(epoch, rate, loss, top1, learner.module, stopping.shown())
            watch.epoch()
            if is_last:
                break
    watch.close()
    return Fitted(
        progress.history,
        progress.best_epoch,
        progress.kept_state or progress.state(learner.module),
        progress.best_state,
        progress.images,
        progress.seconds,
        progress.training_seconds,
    )


def follow(learner: Learner, recipe: dict[str, Any]) -> None:
    """Take part in a training that the first process runs by `fit`."""
    done, first = learner.world.agree(learner.module, learner.optimizer, 0, 0)
    one = step.make(learner)
    for epoch in range(done + 1, recipe["epochs"] + 1):
        optimizer.set_rate(learner.optimizer, schedule.learning_rate(recipe, epoch))
        for batch in learner.batches(epoch, first):
            one(batch)
        first = 0
        if schedule.is_evaluated(recipe, epoch):
            learner.test_top1()


class _Training:
    def __init__(
        self,
        learner: Learner,
        progress: Progress,
        resume: Resume,
        watch: Watch,
        asked: Callable[[], int],
        stopping: Stopping,
    ) -> None:
        self.learner = learner
        self.progress = progress
        self.resume = resume
        self.watch = watch
        self.asked = asked
        self.stopping = stopping
        self.step = step.make(learner)
        self.checked = time.monotonic()

    def epoch(self, epoch: int, rate: float) -> float:
        """The mean loss of an epoch; losses stay on the device between checks so that it never waits."""
        progress = self.progress
        optimizer.set_rate(self.learner.optimizer, rate)
        try:
            for batch in self.learner.batches(epoch, len(progress.losses)):
                progress.losses.append(self.step(batch))
                self.watch.step(len(batch.labels))
                progress.steps += 1
                if self.stopping.is_due():
                    with self.watch.testing():
                        self.stopping.look()
                if self.stopping.is_over():
                    break  # before anything is saved: to go on from here would take another step
                self._look_up(epoch, rate)
        except RuntimeError:
            # A signal to the whole process group ends the loader's processes before this one. (With several
            # processes it may be the middle of a step, which is no state to save.)
            if not self.asked() or self.learner.world.size > 1:
                raise
            self._stop(epoch, rate)
        self._refuse_non_finite(epoch, rate)
        return float(torch.stack(progress.losses).double().mean())

    def _look_up(self, epoch: int, rate: float) -> None:
        if self.asked():
            self._stop(epoch, rate)
        now = time.monotonic()
        if now - self.checked >= CHECK_SECONDS:
            self.checked = now
            self._refuse_non_finite(epoch, rate)
            if self.resume.is_due(now):
                self.resume.save(self.learner, self.progress)

    def _stop(self, epoch: int, rate: float) -> None:
        self._refuse_non_finite(epoch, rate)
        self.resume.save(self.learner, self.progress)
        name = signal.Signals(self.asked()).name
        raise signals.Stopped(
            f"stopped by {name} in epoch {epoch} after step {len(self.progress.losses)}: saved, to go on from there",
            self.asked(),
        )

    def _refuse_non_finite(self, epoch: int, rate: float) -> None:
        losses = torch.stack(self.progress.losses)
        finite = torch.isfinite(losses)
        if not finite.all():
            number = int((~finite).nonzero()[0]) + 1
            raise InputError(
                f"the loss is not finite at epoch {epoch}, step {number}, learning rate {rate:g}; "
                f"{self.resume.describe()}: lower the recipe's learning_rate or lengthen its warmup"
            )
