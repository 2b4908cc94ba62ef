"""What an interrupted training goes on from: a file beside its outputs, taken up only where it fits exactly."""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from longtail.engine import checkpoint, step
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
SAVE_SHARE = 20
# What a save that failed counts as: with SAVE_SHARE, one more try a minute.
FAILED_SECONDS = 3.0


@dataclass
class Progress:
    """Epochs done, losses of the steps done in the one after, history rows and the best state so far.

    Where the recipe stops early, also the last validation loss, and the lowest one with its step and state; `steps`
    are those of all epochs.
    """

    epoch: int = 0
    losses: list[Tensor] = field(default_factory=list)
    history: list[dict[str, float | None]] = field(default_factory=list)
    best_epoch: int = 0
    best_state: dict[str, Tensor] = field(default_factory=dict)
    images: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0
    steps: int = 0
    validation_loss: float | None = None
    kept_loss: float | None = None
    kept_step: int = 0
    kept_state: dict[str, Tensor] = field(default_factory=dict)

    def finish_epoch(
        self,
        epoch: int,
        rate: float,
        loss: float,
        top1: float | None,
        module: nn.Module,
        more: dict[str, float | None] | None = None,
    ) -> None:
        """Note an epoch, and keep the module's state if it is the best evaluated one; `more` is for the history."""
        best = -1.0 if self.best_epoch == 0 else float(self.history[self.best_epoch - 1]["test_top1"] or 0.0)
        self.epoch, self.losses = epoch, []
        self.history.append({"epoch": epoch, "learning_rate": rate, "loss": loss, "test_top1": top1, **(more or {})})
        if top1 is not None and top1 > best:
            self.best_epoch = epoch
            self.best_state = self.state(module)

    @staticmethod
    def state(module: nn.Module) -> dict[str, Tensor]:
        """The module's state, copied to the CPU."""
        return {name: value.cpu().clone() for name, value in module.state_dict().items()}


class Resume:
    """The resume file of one training, written as often as takes at most a twentieth of the time.

    `identity` says what the training is (settings, code, inputs, versions, processor): a file with another one is
    not taken up.
    """

    def __init__(self, path: Path, identity: dict[str, str]) -> None:
        self.path = path
        self.identity = identity
        self.cost = 0.0
        self.saved = time.monotonic()
        self.at = ""

    def take_up(self, learner: step.Learner) -> Progress:
        """Put the learner where the file left it, and give its progress; a new one where there is none that fits."""
        if not self.path.exists():
            return Progress()
        try:
            state = checkpoint.load(self.path)
        except InputError as error:
            log.warning("training starts from the beginning: %s", error)
            return Progress()
        found = state.get("identity") if isinstance(state, dict) else None
        known = found if isinstance(found, dict) else {}
        if differing := [what for what, value in self.identity.items() if known.get(what) != value]:
            other = " and ".join(differing)
            log.warning("%s belongs to other %s: training starts from the beginning", self.path, other)
            return Progress()
        learner.module.load_state_dict(state["module"])
        groups = learner.optimizer.state_dict()["param_groups"]
        learner.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})
        progress = Progress(**state["progress"] | {"losses": list(state["progress"]["losses"])})
        progress.losses = [loss.to(learner.compute.device) for loss in progress.losses]
        self._note(progress)
        log.info("going on after %s", self.at)
        return progress

    def is_due(self, now: float) -> bool:
        """Whether enough time has passed since the last save for another."""
        return now - self.saved >= SAVE_SHARE * self.cost

    def save(self, learner: step.Learner, progress: Progress) -> None:
        """Write the file; where that fails, as on a full disk, the one before stays and training goes on."""
        start, failed = time.monotonic(), 0.0
        losses = torch.stack(progress.losses).cpu() if progress.losses else torch.empty(0)
        state = {
            "identity": self.identity,
            "module": learner.module.state_dict(),
            "optimizer": learner.optimizer.state_dict()["state"],
            "progress": vars(progress) | {"losses": losses},
        }
        try:
            checkpoint.save(self.path, state)
            self._note(progress)
        except InputError as error:
            log.warning("%s; training goes on, and would go on from %s", error, self.at or "the beginning")
            failed = FAILED_SECONDS
        self.saved = time.monotonic()
        self.cost = max(self.saved - start, failed)

    def describe(self) -> str:
        """Where the last good state is."""
        return f"the last good state, after {self.at}, is in {self.path}" if self.at else "no earlier state was saved"

    def _note(self, progress: Progress) -> None:
        self.at = f"epoch {progress.epoch}" + (f" and {len(progress.losses)} steps" if progress.losses else "")
