"""Early stopping: the state of the lowest validation loss is kept, and training ends when none was found for long."""

from longtail.engine.learner import Learner
from longtail.engine.progress import Progress, Row, copied_state
from longtail.runtime.errors import InputError
from longtail.settings.recipe import EarlyStopping


class Stopping:
    """Looks at the validation loss after every `every` steps; `patience` steps without a lower one are the end.

    `settings` are the recipe's `early_stopping`; without them nothing is looked at. All it remembers is in the
    progress, to be resumed.
    Raises InputError where a recipe stops early and the data have no validation split.
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
        """Whether the validation loss is to be looked at after this many steps."""
        return self.settings is not None and self.progress.steps % self.settings.every == 0

    def look(self) -> None:
        """Keep the state if its validation loss is the lowest so far (the first of equals)."""
        assert self.learner.validation_loss is not None
        progress, loss = self.progress, self.learner.validation_loss()
        progress.validation_loss = loss
        if progress.kept_loss is None or loss < progress.kept_loss:
            progress.kept_loss, progress.kept_step = loss, progress.steps
            progress.kept_state = copied_state(self.learner.module)

    def is_over(self) -> bool:
        """Whether the patience is at its end."""
        if self.settings is None or self.progress.kept_loss is None:
            return False
        return self.progress.steps - self.progress.kept_step >= self.settings.patience

    def finish(self) -> None:
        """Look at the state that training ends with, if that has not been done."""
        if self.settings is not None and not self.is_due():
            self.look()

    def columns(self) -> Row:
        """Its columns of a row of the history."""
        if self.settings is None:
            return {}
        return {"validation_loss": self.progress.validation_loss, "kept_step": self.progress.kept_step}
