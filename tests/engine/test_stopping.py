from pathlib import Path
from typing import Any

import pytest
import torch
from tests.engine.toy import RECIPE, Interrupted, Learner
from tests.small_settings import changed

from longtail.engine import loop
from longtail.engine.resume import Resume

STEPS_PER_EPOCH = 5


class Validated(Learner):
    """Its validation losses are written down, one a look."""

    def __init__(self, losses, **rest):
        super().__init__(**rest)
        self.losses = losses
        self.looks = []
        self.kept = []

    def validation_loss(self):
        step = self.steps[-1]
        number = ((step[0] - 1) * STEPS_PER_EPOCH + step[1] - 1) // 2
        self.looks.append(step)
        self.kept.append({name: value.clone() for name, value in self.module.state_dict().items()})
        return self.losses[number]


@pytest.fixture
def file(tmp_path):
    return Resume(tmp_path / "resume.pt", {"settings": "s"})


def stopping(every=2, patience=4):
    return changed(RECIPE, early_stopping={"every": every, "patience": patience})


def test_training_ends_when_its_patience_does_and_with_the_state_it_kept(file: Any) -> None:
    learner = Validated([3.0, 1.0, 2.0, 1.0, 0.0])
    fitted = loop.fit(learner, stopping(), file)
    # Looks after 2, 4, 6 and 8 steps: that after 8 is 4 steps after the lowest, the first of equals.
    assert learner.looks == [(1, 2), (1, 4), (2, 1), (2, 3)]
    assert learner.steps[-1] == (2, 3)
    for name, value in learner.kept[1].items():
        assert torch.equal(fitted.last_state[name], value)
    assert [row["validation_loss"] for row in fitted.history] == [1.0, 1.0]
    assert [row["kept_step"] for row in fitted.history] == [4, 4]
    assert fitted.history[-1]["test_top1"] is not None, "the epoch it ends in is tested whatever the recipe says"


def test_the_end_of_a_training_is_validated_too(file: Any) -> None:
    learner = Validated([9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0.9, 0.8, 0.7, 0.6])
    fitted = loop.fit(learner, stopping(), file)
    assert learner.looks[-1] == (5, 5)
    assert fitted.history[-1]["kept_step"] == 25
    assert all(torch.equal(fitted.last_state[name], value) for name, value in learner.kept[-1].items())


def test_without_early_stopping_nothing_is_validated(file: Any) -> None:
    learner = Validated([])
    fitted = loop.fit(learner, RECIPE, file)
    assert learner.looks == []
    assert "kept_step" not in fitted.history[0]
    for name, value in learner.states[5].items():
        assert torch.equal(fitted.last_state[name], value)


@pytest.mark.parametrize("stop", [(1, 3), (2, 1), (2, 2), (2, 5), (3, 1)])
def test_a_run_that_was_killed_keeps_and_ends_as_one_that_was_not(
    file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: tuple[Any, ...]
) -> None:
    monkeypatch.setattr(loop, "CHECK_SECONDS", 0)
    monkeypatch.setattr("longtail.engine.resume.SAVE_SHARE", 0)
    losses = [3.0, 1.0, 2.0, 0.9, 2.0, 2.0]
    whole = loop.fit(Validated(losses), stopping(), Resume(tmp_path / "other.pt", {"settings": "s"}))
    with pytest.raises(Interrupted):
        loop.fit(Validated(losses, stop=stop), stopping(), file)
    again = loop.fit(Validated(losses, seed=1), stopping(), file)
    assert again.history == whole.history
    assert all(torch.equal(again.last_state[name], value) for name, value in whole.last_state.items())
