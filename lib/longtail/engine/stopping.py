"""Early stopping: the state of the lowest validation loss is kept, and training ends when none was found for long."""

from typing import Any, Protocol

from torch import nn

from longtail.engine.resume import Progress


class Validated(Protocol):
    """What is asked of a learner whose recipe stops early."""

    module: nn.Module

    def validation_loss(self) -> float:
        """The mean loss on a split that neither trains nor tests."""


class Stopping:
    """Looks at the validation loss after every `every` steps; `patience` steps without a lower one are the end.

    Without a recipe's `early_stopping` nothing is looked at. What it knows stands in the progress, to be taken up.
    """

    def __init__(self, recipe: dict[str, Any], progress: Progress, learner: Validated) -> None:
        self.block: dict[str, int] | None = recipe.get("early_stopping")
        self.progress = progress
        self.learner = learner

    def is_due(self) -> bool:
        """Whether the validation loss is to be looked at after this many steps."""
        return self.block is not None and self.progress.steps % self.block["every"] == 0

    def look(self) -> None:
        """Keep the state if its validation loss is the lowest so far (the first of equals)."""
        progress, loss = self.progress, self.learner.validation_loss()
        progress.validation_loss = loss
        if progress.kept_loss is None or loss < progress.kept_loss:
            progress.kept_loss, progress.kept_step = loss, progress.steps
            progress.kept_state = progress.state(self.learner.module)

    def is_over(self) -> bool:
        """Whether the patience is at its end."""
        waited = self.progress.steps - self.progress.kept_step
        return self.block is not None and self.progress.kept_loss is not None and waited >= self.block["patience"]

    def finish(self) -> None:
        """Look at the state that training ends with, if that has not been done."""
        if self.block is not None and self.progress.steps % self.block["every"]:
            self.look()

    def shown(self) -> dict[str, float | None]:
        """What a row of the history says of it."""
        if self.block is None:
            return {}
        return {"validation_loss": self.progress.validation_loss, "kept_step": self.progress.kept_step}
