"""The file from which an interrupted training is resumed; used only if it belongs to exactly this training."""

import logging
import os
import time
from pathlib import Path

import torch

from longtail.engine import checkpoint
from longtail.engine.learner import Learner
from longtail.engine.progress import Progress
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
SAVE_SHARE = 20
# The assumed cost of a failed save: with SAVE_SHARE, a retry every minute.
FAILED_SECONDS = 3.0


class Resume:
    """The resume file of one training, written at intervals that take at most a twentieth of the time.

    `identity` describes the training (settings, code, inputs, versions, processor): a file with another identity is
    not used. `job` is the process of the job, which has made this object; another may train for it.
    """

    def __init__(self, path: Path, identity: dict[str, str]) -> None:
        self.path = path
        self.identity = identity
        self.cost = 0.0
        # Trainings of this process, which all wait while one of them saves.
        self.trainings = 1
        self.saved = time.monotonic()
        self.at = ""
        self.job = os.getpid()

    def restore(self, learner: Learner) -> Progress:
        """Restore the learner from the file and return its progress; a new progress if no file can be used."""
        if not self.path.exists():
            return Progress()
        try:
            state = checkpoint.load(self.path)
        except InputError as error:
            log.warning("training starts from the beginning: %s", error)
            return Progress()
        stored = state.get("identity") if isinstance(state, dict) else None
        theirs = stored if isinstance(stored, dict) else {}
        if differing := [what for what, value in self.identity.items() if theirs.get(what) != value]:
            other = " and ".join(differing)
            log.warning("%s belongs to other %s: training starts from the beginning", self.path, other)
            return Progress()
        learner.module.load_state_dict(state["module"])
        learner.memory.load_state_dict(state["memory"])
        groups = learner.optimizer.state_dict()["param_groups"]
        learner.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})
        progress = Progress(**state["progress"] | {"losses": list(state["progress"]["losses"])})
        progress.losses = [loss.to(learner.backend.device) for loss in progress.losses]
        self._note(progress)
        log.info("going on after %s", self.at)
        return progress

    def is_due(self, now: float) -> bool:
        """Whether enough time has passed since the last save."""
        return now - self.saved >= SAVE_SHARE * self.cost * self.trainings

    def save(self, learner: Learner, progress: Progress) -> None:
        """Write the file; if that fails, as on a full disk, the previous one is kept and training continues."""
        start, failed = time.monotonic(), 0.0
        losses = torch.stack(progress.losses).cpu() if progress.losses else torch.empty(0)
        state = {
            "identity": self.identity,
            "module": learner.module.state_dict(),
            "memory": learner.memory.state_dict(),
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
        """A phrase that says where the last good state is."""
        return f"the last good state, after {self.at}, is in {self.path}" if self.at else "no earlier state was saved"

    def _note(self, progress: Progress) -> None:
        self.at = f"epoch {progress.epoch}" + (f" and {len(progress.losses)} steps" if progress.losses else "")
