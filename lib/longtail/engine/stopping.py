"""Early stopping: keeps the state of the lowest validation loss, and ends training when it no longer improves."""

from longtail.engine.learner import Learner
from longtail.engine.progress import Progress, Row, copied_state
from longtail.runtime.errors import InputError
from longtail.settings.recipe import EarlyStopping


class Stopping:
    """Validates after every `every` steps; training ends after `patience` steps without a lower validation loss.

    `settings` are the recipe's `early_stopping`; without them nothing is validated. Its state is in the progress, so
    that it can be resumed.
    Raises InputError if a recipe stops early but the data have no validation split.
    """

    def __init__(self, settings: EarlyStopping | None, progress: Progress, learner: Learner) -> None:
        self.settings = settings
        self.progress = progress
        self.learner = learner
        if settings is not None and learner.validation_loss is None:
            raise InputError(
                "the recipe stops early and the data have no validation split: use one without early_stopping"
            )

    def is_due(self) -> bool:
        """Whether to validate after this step."""
        return self.settings is not None and self.progress.steps % self.settings.every == 0

    def validate(self) -> None:
        """Compute the validation loss, and keep the state if it is the lowest so far (the first of equals)."""
        assert self.learner.validation_loss is not None
        progress, loss = self.progress, self.learner.validation_loss()
        progress.validation_loss = loss
        if progress.kept_loss is None or loss < progress.kept_loss:
            progress.kept_loss, progress.kept_step = loss, progress.steps
            progress.kept_state = copied_state(self.learner.module)

    def is_over(self) -> bool:
        """Whether `patience` steps have passed since the lowest validation loss."""
        if self.settings is None or self.progress.kept_loss is None:
            return False
        return self.progress.steps - self.progress.kept_step >= self.settings.patience

    def finish(self) -> None:
        """Validate the last state, unless that has just been done."""
        if self.settings is not None and not self.is_due():
            self.validate()

    def columns(self) -> Row:
        """Its columns of a row of the history."""
        if self.settings is None:
            return {}
        return {"validation_loss": self.progress.validation_loss, "kept_step": self.progress.kept_step}
