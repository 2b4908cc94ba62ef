"""The epoch loop: schedule, history, model selection, resuming."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from longtail.engine import checkpoint, schedule
from longtail.engine.images import Batch
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
CHECK_EVERY = 50
SAVE_SHARE = 20


class Learner(Protocol):
    """What a stage gives the loop: a module to train, how it learns from a batch and how it is tested."""

    module: nn.Module
    optimizer: torch.optim.Optimizer

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch counted from 1, settled by the order seed."""

    def loss(self, batch: Batch) -> Tensor:
        """The mean loss of a batch."""

    def test_top1(self) -> float:
        """Test accuracy as a fraction."""


@dataclass
class Progress:
    """All that an interrupted run needs to go on: epochs done, history rows and the best state so far."""

    epoch: int = 0
    history: list[dict[str, float | None]] = field(default_factory=list)
    best_epoch: int = 0
    best_state: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitted:
    """A finished training: history rows, and the module's state after the last and after the best epoch."""

    history: list[dict[str, float | None]]
    best_epoch: int
    last_state: dict[str, Tensor]
    best_state: dict[str, Tensor]


def fit(learner: Learner, recipe: dict[str, Any], resume: Path, key: str) -> Fitted:
    """Train for the recipe's epochs.

    `best` is the evaluated epoch of the highest test top-1 (the first of equals): the papers' habit.
    A `resume` file written under the same `key` (settings, code and versions) is taken up; any other is not.
    Raises InputError when the loss is not finite.
    """
    progress = _take_up(learner, resume, key)
    clock = _Clock(recipe["epochs"] - progress.epoch, time.monotonic())
    saver = _Saver(learner, progress, resume, key)
    for epoch in range(progress.epoch + 1, recipe["epochs"] + 1):
        rate = schedule.learning_rate(recipe, epoch)
        for group in learner.optimizer.param_groups:
            group["lr"] = rate * group["rate_factor"]
        loss, images = _train_epoch(learner, epoch, rate)
        top1 = learner.test_top1() if schedule.is_evaluated(recipe, epoch) else None
        progress.epoch = epoch
        progress.history.append({"epoch": epoch, "learning_rate": rate, "loss": loss, "test_top1": top1})
        if top1 is not None and top1 > _best_top1(progress):
            progress.best_epoch = epoch
            progress.best_state = _state(learner)
        log.info(clock.line(epoch, recipe["epochs"], loss, rate, top1, images))
        if epoch < recipe["epochs"]:
            saver.save_if_cheap()
    return Fitted(progress.history, progress.best_epoch, _state(learner), progress.best_state)


def _state(learner: Learner) -> dict[str, Tensor]:
    return {name: value.cpu().clone() for name, value in learner.module.state_dict().items()}


def _best_top1(progress: Progress) -> float:
    """The test top-1 of the best epoch so far; below any accuracy before the first evaluation."""
    if progress.best_epoch == 0:
        return -1.0
    return float(progress.history[progress.best_epoch - 1]["test_top1"] or 0.0)


def _train_epoch(learner: Learner, epoch: int, rate: float) -> tuple[float, int]:
    """Mean loss and images of one epoch; losses stay on the device between checks so that it never waits."""
    losses: list[Tensor] = []
    images = checked = 0
    for batch in learner.batches(epoch):
        learner.optimizer.zero_grad(set_to_none=True)
        loss = learner.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        learner.optimizer.step()
        losses.append(loss.detach())
        images += len(batch.labels)
        if len(losses) - checked >= CHECK_EVERY:
            _refuse_non_finite(losses[checked:], checked, epoch, rate)
            checked = len(losses)
    _refuse_non_finite(losses[checked:], checked, epoch, rate)
    return float(torch.stack(losses).double().mean()), images


def _refuse_non_finite(losses: list[Tensor], first: int, epoch: int, rate: float) -> None:
    if not losses:
        return
    finite = torch.isfinite(torch.stack(losses))
    if not finite.all():
        step = first + int((~finite).nonzero()[0]) + 1
        raise InputError(
            f"the loss is not finite at epoch {epoch}, step {step}, learning rate {rate:g}: "
            "lower the recipe's learning_rate or lengthen its warmup"
        )


@dataclass
class _Saver:
    """Writes the resume file as often as takes at most a twentieth of the time."""

    learner: Learner
    progress: Progress
    resume: Path
    key: str
    cost: float = 0.0
    saved: float = field(default_factory=time.monotonic)

    def save_if_cheap(self) -> None:
        start = time.monotonic()
        if start - self.saved < SAVE_SHARE * self.cost:
            return
        state = {
            "key": self.key,
            "module": self.learner.module.state_dict(),
            "optimizer": self.learner.optimizer.state_dict(),
            "progress": vars(self.progress),
        }
        checkpoint.save(self.resume, state)
        self.saved = time.monotonic()
        self.cost = self.saved - start


def _take_up(learner: Learner, resume: Path, key: str) -> Progress:
    if not resume.exists():
        return Progress()
    try:
        state = checkpoint.load(resume)
    except InputError as error:
        log.warning("training starts from the beginning: %s", error)
        return Progress()
    if state["key"] != key:
        log.warning("%s belongs to other settings, code or versions: training starts from the beginning", resume)
        return Progress()
    learner.module.load_state_dict(state["module"])
    learner.optimizer.load_state_dict(state["optimizer"])
    progress = Progress(**state["progress"])
    log.info("going on after epoch %d", progress.epoch)
    return progress


@dataclass
class _Clock:
    """Speed and time left, from the epochs of this process."""

    epochs: int
    started: float
    done: int = 0
    images: int = 0

    def line(self, epoch: int, last: int, loss: float, rate: float, top1: float | None, images: int) -> str:
        self.done += 1
        self.images += images
        elapsed = time.monotonic() - self.started
        left = elapsed / self.done * (self.epochs - self.done)
        tested = "" if top1 is None else f"  test {100 * top1:.2f} %"
        return (
            f"epoch {epoch}/{last}  loss {loss:.4f}  lr {rate:g}{tested}  "
            f"{self.images / elapsed:.0f} images/s  {_duration(left)} left"
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
