import math
import os
import signal
from typing import Any

import numpy as np
import pytest
import torch
from tests.engine.toy import RECIPE, Interrupted, Learner
from tests.small_settings import changed

from longtail.engine import checkpoint, loop
from longtail.engine.resume import Resume
from longtail.runtime.errors import InputError
from longtail.runtime.signals import Stopped


class Scripted(Learner):
    """Scores as written down."""

    scores = (0.1, 0.5, 0.3, 0.5, 0.2)

    def test_top1(self):
        return self.scores[self.steps[-1][0] - 1]


class Diverging(Learner):
    """Its loss is no number at one step, and from then on."""

    def __init__(self, wrong, value=math.nan, **rest):
        super().__init__(**rest)
        self.wrong, self.value = wrong, value

    def loss(self, batch):
        return super().loss(batch) + (self.value if self.steps[-1] >= self.wrong else 0)


class Asked(Learner):
    """Gets a signal at `stop` and goes on."""

    number = signal.SIGTERM

    def interrupt(self):
        os.kill(os.getpid(), self.number)


@pytest.fixture
def file(tmp_path):
    return Resume(tmp_path / "resume.pt", {"settings": "s"})


@pytest.fixture
def other(tmp_path):
    return Resume(tmp_path / "other" / "resume.pt", {"settings": "s"})


@pytest.fixture
def always_save(monkeypatch):
    monkeypatch.setattr(loop, "CHECK_SECONDS", 0)
    monkeypatch.setattr("longtail.engine.resume.SAVE_SHARE", 0)


def assert_same(first, second):
    assert first.history == second.history
    assert first.best_epoch == second.best_epoch
    assert first.images == second.images
    for a, b in [(first.last_state, second.last_state), (first.best_state, second.best_state)]:
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.usefixtures("always_save")
@pytest.mark.parametrize("step", [1, 2, 5])
@pytest.mark.parametrize("epoch", [1, 2, 5])
def test_interrupted_run_ends_as_if_it_had_not_been(file: Any, other: Any, epoch: int, step: int) -> None:
    whole = loop.fit(Learner(), RECIPE, other)
    with pytest.raises(Interrupted):
        loop.fit(Learner(stop=(epoch, step)), RECIPE, file)
    second = Learner(seed=0 if (epoch, step) == (1, 1) else 1)  # what it starts from does not matter any more
    assert_same(loop.fit(second, RECIPE, file), whole)
    assert second.steps[0] == (epoch, step)


@pytest.mark.usefixtures("always_save")
def test_run_may_be_interrupted_again_and_again(file: Any, other: Any) -> None:
    for epoch, step in [(1, 3), (2, 2), (2, 3), (4, 1), (5, 5)]:
        with pytest.raises(Interrupted):
            loop.fit(Learner(stop=(epoch, step)), RECIPE, file)
    assert_same(loop.fit(Learner(), RECIPE, file), loop.fit(Learner(), RECIPE, other))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_run_that_is_asked_to_stop_saves_and_resumes_later(file: Any, other: Any, number: Any) -> None:
    first = Asked(stop=(3, 4))
    first.number = number
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match=f"stopped by {number.name} in epoch 3 after step 4: saved") as stopped:
        loop.fit(first, RECIPE, file)
    assert stopped.value.number == number
    assert signal.getsignal(number) == before
    second = Learner(seed=1)
    assert_same(loop.fit(second, RECIPE, file), loop.fit(Learner(), RECIPE, other))
    assert second.steps[0] == (3, 5)


def test_loader_that_a_signal_ended_first_is_no_bug(file: Any) -> None:
    class Killed(Asked):
        def interrupt(self):
            super().interrupt()
            raise RuntimeError("DataLoader worker is killed by signal: Terminated.")

    with pytest.raises(Stopped):
        loop.fit(Killed(stop=(2, 3)), RECIPE, file)
    assert len(checkpoint.load(file.path)["progress"]["losses"]) == 2

    class Broken(Learner):
        def interrupt(self):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        loop.fit(Broken(stop=(4, 3)), RECIPE, file)


def test_history_holds_every_epoch(file: Any) -> None:
    learner = Learner()
    fitted = loop.fit(learner, RECIPE, file)
    assert [row["epoch"] for row in fitted.history] == [1, 2, 3, 4, 5]
    assert [row["learning_rate"] for row in fitted.history] == pytest.approx([0.025, 0.05, 0.05, 0.005, 0.005])
    assert [row["test_top1"] is None for row in fitted.history] == [True, False, True, False, False]
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]
    halves = [[rate / 2, rate] for rate in [0.025, 0.05, 0.05, 0.005, 0.005] for _ in range(5)]
    np.testing.assert_allclose(learner.rates, halves)
    for name, value in learner.states[5].items():
        assert torch.equal(fitted.last_state[name], value)


def test_loss_of_an_epoch_is_the_mean_over_its_steps(file: Any) -> None:
    losses = []

    class Noting(Learner):
        def loss(self, batch):
            losses.append(super().loss(batch))
            return losses[-1]

    fitted = loop.fit(Noting(), changed(RECIPE, epochs=1), file)
    assert fitted.history[0]["loss"] == pytest.approx(np.mean([loss.item() for loss in losses]), rel=1e-12)


def test_best_is_the_first_of_equals(file: Any) -> None:
    learner = Scripted()
    fitted = loop.fit(learner, changed(RECIPE, evaluate={"every": 1, "each_from": 1}), file)
    assert [row["test_top1"] for row in fitted.history] == list(Scripted.scores)
    assert fitted.best_epoch == 2
    for name, value in learner.states[2].items():
        assert torch.equal(fitted.best_state[name], value)
        assert name.endswith("num_batches_tracked") or not torch.equal(fitted.last_state[name], value)


def test_best_is_sought_among_evaluated_epochs_only(file: Any) -> None:
    fitted = loop.fit(Scripted(), changed(RECIPE, evaluate={"every": 9, "each_from": 3}), file)
    assert fitted.best_epoch == 4


def test_best_may_be_wrong_everywhere(file: Any) -> None:
    class Hopeless(Learner):
        def test_top1(self):
            return 0.0

    assert loop.fit(Hopeless(), RECIPE, file).best_epoch == 2


@pytest.mark.usefixtures("always_save")
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(("wrong", "rate"), [((1, 1), "0.025"), ((2, 3), "0.05"), ((4, 5), "0.005")])
def test_loss_that_is_no_number_is_placed(file: Any, wrong: tuple[Any, ...], rate: str, value: float) -> None:
    done = f"epoch {wrong[0] - 1}" + (f" and {wrong[1] - 1} steps" if wrong[1] > 1 else "")
    last = rf"the last good state, after {done}, is in \S+pt" if wrong > (1, 1) else "no earlier state was saved"
    says = rf"not finite at epoch {wrong[0]}, step {wrong[1]}, learning rate {rate}; {last}: lower the recipe's"
    with pytest.raises(InputError, match=says):
        loop.fit(Diverging(wrong, value), RECIPE, file)


@pytest.mark.parametrize("step", [1, 5, 20])
def test_long_epoch_is_not_run_to_its_end_with_a_loss_that_is_no_number(
    file: Any, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(loop, "CHECK_SECONDS", 0)
    learner = Diverging((1, step), batch_size=2)  # 20 steps an epoch
    with pytest.raises(InputError, match=f"step {step},"):
        loop.fit(learner, RECIPE, file)
    assert len(learner.steps) == step


@pytest.mark.usefixtures("always_save")
def test_state_after_a_loss_that_is_no_number_is_not_taken_up(file: Any) -> None:
    with pytest.raises(InputError):
        loop.fit(Diverging((3, 2)), RECIPE, file)
    kept = checkpoint.load(file.path)
    assert (kept["progress"]["epoch"], len(kept["progress"]["losses"])) == (2, 1)
    assert all(torch.isfinite(value).all() for value in kept["module"].values())
