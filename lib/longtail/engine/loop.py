"""The training loop: epochs, steps, tests and early stopping; it can be stopped and resumed at any step."""

import contextlib
import signal
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from longtail.engine import optimizer, schedule, step
from longtail.engine.batches import Batch
from longtail.engine.learner import Learner
from longtail.engine.progress import Progress, Row, State, copied_state
from longtail.engine.resume import Resume
from longtail.engine.stopping import Stopping
from longtail.engine.watch import Watch
from longtail.runtime import signals
from longtail.runtime.errors import InputError
from longtail.settings.recipe import Recipe

CHECK_SECONDS = 1.0


@dataclass(frozen=True)
class Fitted:
    """A finished training: history rows, its last state and the state of its best epoch, and its cost.

    `images` passed through the network in `seconds`, of which `training_seconds` are without testing.
    """

    history: list[Row]
    best_epoch: int
    last_state: State
    best_state: State
    images: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0


# Yields each batch, gets the loss of the step with it, and returns the finished training.
Training = Generator[Batch, Tensor, Fitted]


def fit(learner: Learner, recipe: Recipe, resume: Resume) -> Fitted:
    """Train for the recipe's epochs, or until early stopping; then the last state is the one of the lowest loss.

    The best epoch is the evaluated one with the highest test top-1 (the first of equals), as in the papers.
    A state in `resume` is restored, also in the middle of an epoch.
    Raises InputError if the loss is not finite or the recipe stops early without a validation split, and
    signals.Stopped, after saving the state, if the job is asked to stop.
    """
    progress = resume.restore(learner)
    learner.world.agree(learner.module, learner.optimizer, progress.epoch, len(progress.losses))
    train = step.make(learner)
    with signals.noted() as stop_signal:
        running = training(learner, recipe, resume, progress, stop_signal)
        turn = proceed(running)
        while isinstance(turn, Batch):
            turn = proceed(running, attempted(train, turn))
        return turn


def training(
    learner: Learner, recipe: Recipe, resume: Resume, progress: Progress, stop_signal: Callable[[], int]
) -> Training:
    """The training that `fit` describes, from `progress` on, without its steps: whoever runs it takes them.

    It ends as `fit` does. `stop_signal` returns the number of a signal that asks it to stop, or 0.
    """
    stopping = Stopping(recipe.early_stopping, progress, learner)
    watch = Watch(resume.path.with_name("progress.json"), progress, recipe, resume.job)
    checks = _Checks(learner, progress, resume, stop_signal)
    for number in range(progress.epoch + 1, recipe.epochs + 1):
        rate = schedule.learning_rate(recipe, number)
        optimizer.set_rate(learner.optimizer, rate)
        with checks.of_epoch(number, rate):
            for batch in learner.batches(learner.epoch(number, first_batch=len(progress.losses))):
                progress.add_step((yield batch))
                watch.step(len(batch.labels))
                if stopping.is_due():
                    with watch.testing():
                        stopping.validate()
                if stopping.is_over():
                    break  # before a save, since a training resumed from here would take another step
                checks.after_step()
        is_last = number == recipe.epochs or stopping.is_over()
        top1 = None
        if is_last or schedule.is_evaluated(recipe, number):
            with watch.testing():
                top1 = learner.test_top1()
                if is_last:
                    stopping.finish()
        progress.finish_epoch(rate, progress.mean_loss(), top1, learner.module, stopping.columns())
        watch.epoch()
        if is_last:
            break
    watch.close()
    return Fitted(
        progress.history,
        progress.best_epoch,
        progress.kept_state or copied_state(learner.module),
        progress.best_state,
        progress.images,
        progress.seconds,
        progress.training_seconds,
    )


def proceed(running: Training, result: Tensor | Exception | None = None) -> Batch | Fitted:
    """Give a training the loss of its step, or the step's error; returns its next batch, or the finished training.

    Without a result the training begins. Raises what ends the training.
    """
    try:
        if result is None:
            return next(running)
        return running.throw(result) if isinstance(result, Exception) else running.send(result)
    except StopIteration as ended:
        fitted: Fitted = ended.value
        return fitted


def attempted(train: Callable[[Batch], Tensor], batch: Batch) -> Tensor | Exception:
    """The loss of a step, or its error.

    An error may belong to the batches: PyTorch reports at any moment that a signal has ended the loader's processes.
    """
    try:
        return train(batch)
    except Exception as error:
        return error


def follow(learner: Learner, recipe: Recipe) -> None:
    """Take part in a training as a further process, while the first process runs `fit`."""
    epochs_done, steps_done = learner.world.agree(learner.module, learner.optimizer, 0, 0)
    train = step.make(learner)
    for number in range(epochs_done + 1, recipe.epochs + 1):
        optimizer.set_rate(learner.optimizer, schedule.learning_rate(recipe, number))
        for batch in learner.batches(learner.epoch(number, first_batch=steps_done)):
            train(batch)
        steps_done = 0
        if schedule.is_evaluated(recipe, number):
            learner.test_top1()


class _Checks:
    """Checks during training: after each step whether to stop, once a second whether the losses are finite."""

    def __init__(self, learner: Learner, progress: Progress, resume: Resume, stop_signal: Callable[[], int]) -> None:
        self.learner = learner
        self.progress = progress
        self.resume = resume
        self.stop_signal = stop_signal
        self.checked = time.monotonic()
        self.number, self.rate = 0, 0.0

    @contextlib.contextmanager
    def of_epoch(self, number: int, rate: float) -> Iterator[None]:
        """The context for the steps of an epoch; at its end every loss must be finite."""
        self.number, self.rate = number, rate
        try:
            yield
        except RuntimeError:
            # A signal to the whole process group may end the loader's processes first. (With several processes this
            # may be in the middle of a step, where the state cannot be saved.)
            if not self.stop_signal() or self.learner.world.size > 1:
                raise
            self._stop()
        self._refuse_non_finite()

    def after_step(self) -> None:
        """Stop if asked to; once a second (since that waits for the device) check the losses, and save if due."""
        if self.stop_signal():
            self._stop()
        now = time.monotonic()
        if now - self.checked >= CHECK_SECONDS:
            self.checked = now
            self._refuse_non_finite()
            if self.resume.is_due(now):
                self.resume.save(self.learner, self.progress)

    def _stop(self) -> None:
        self._refuse_non_finite()
        self.resume.save(self.learner, self.progress)
        name, steps = signal.Signals(self.stop_signal()).name, len(self.progress.losses)
        raise signals.Stopped(
            f"stopped by {name} in epoch {self.number} after step {steps}: saved, to go on from there",
            self.stop_signal(),
        )

    def _refuse_non_finite(self) -> None:
        losses = torch.stack(self.progress.losses)
        finite = torch.isfinite(losses)
        if not finite.all():
            number = int((~finite).nonzero()[0]) + 1
            raise InputError(
                f"the loss is not finite at epoch {self.number}, step {number}, learning rate {self.rate:g}; "
                f"{self.resume.describe()}: lower the recipe's learning_rate or lengthen its warmup"
            )
