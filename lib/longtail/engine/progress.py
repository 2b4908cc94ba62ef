"""How far a training is."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

State = dict[str, Tensor]
# A row of the history: its columns with their values.
Row = dict[str, float | None]


@dataclass
class Progress:
    """Finished epochs, losses of the steps of the current epoch, history rows and the best state so far.

    `images` passed through the network in `seconds`, of which `training_seconds` are without testing; `steps` counts
    the steps of all epochs. With early stopping also the last validation loss, and the lowest one with its step and
    state (`kept_…`).
    """

    epoch: int = 0
    losses: list[Tensor] = field(default_factory=list)
    history: list[Row] = field(default_factory=list)
    best_epoch: int = 0
    best_state: State = field(default_factory=dict)
    images: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0
    steps: int = 0
    validation_loss: float | None = None
    kept_loss: float | None = None
    kept_step: int = 0
    kept_state: State = field(default_factory=dict)

    def add_step(self, loss: Tensor) -> None:
        """Add a training step; its loss stays on the device, so that nothing waits for it."""
        self.losses.append(loss)
        self.steps += 1

    def mean_loss(self) -> float:
        """The mean loss of the steps of the current epoch."""
        return float(torch.stack(self.losses).double().mean())

    def finish_epoch(
        self, rate: float, loss: float, top1: float | None, module: nn.Module, more: Row | None = None
    ) -> None:
        """Add a finished epoch, and keep the module's state if the epoch is the best one (the first of equals).

        `more` are further columns of the history.
        """
        self.epoch += 1
        best = -1.0 if self.best_epoch == 0 else float(self.history[self.best_epoch - 1]["test_top1"] or 0.0)
        row: Row = {"epoch": self.epoch, "learning_rate": rate, "loss": loss, "test_top1": top1}
        self.history.append(row | (more or {}))
        self.losses = []
        if top1 is not None and top1 > best:
            self.best_epoch = self.epoch
            self.best_state = copied_state(module)


def copied_state(module: nn.Module) -> State:
    """The module's state, copied to the CPU."""
    return {name: value.cpu().clone() for name, value in module.state_dict().items()}
