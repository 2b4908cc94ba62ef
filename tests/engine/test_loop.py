import logging
import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from longtail.engine import checkpoint, loop, seeding
from longtail.engine.images import Batch
from longtail.runtime.errors import InputError

RECIPE = {
    "epochs": 5,
    "learning_rate": 0.05,
    "schedule": {"kind": "step", "warmup": 2, "milestones": [3], "factor": 0.1},
    "evaluate": {"every": 2, "each_from": 4},
}
INPUTS = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 4))).float()
TARGETS = (INPUTS[:, 0] + 0.3 * INPUTS[:, 1] > 0).long()


class Interrupted(Exception):
    """Stands for a job that is killed."""


class Learner:
    """A two-layer network with momentum on 40 points; `stop` = (epoch, step) is where it is interrupted."""

    def __init__(self, stop=None, seed=0, batch_size=8):
        torch.manual_seed(seed)
        self.module = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
        groups = [
            {"params": list(self.module[:3].parameters()), "rate_factor": 0.5},
            {"params": list(self.module[3].parameters()), "rate_factor": 1.0},
        ]
        self.optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.9, weight_decay=1e-3)
        self.stop, self.batch_size = stop, batch_size
        self.steps = []
        self.rates = []
        self.states = {}

    def batches(self, epoch):
        self.module.train()
        order = torch.from_numpy(seeding.generator(0, epoch, seeding.ORDER, stage=1).permutation(len(INPUTS)))
        for step, chosen in enumerate(order.split(self.batch_size), start=1):
            if (epoch, step) == self.stop:
                raise Interrupted
            self.steps.append((epoch, step))
            self.rates.append([group["lr"] for group in self.optimizer.param_groups])
            yield Batch(INPUTS[chosen], TARGETS[chosen])
        self.states[epoch] = {name: value.clone() for name, value in self.module.state_dict().items()}

    def loss(self, batch):
        return F.cross_entropy(self.module(batch.inputs), batch.labels)

    def test_top1(self):
        self.module.eval()
        with torch.no_grad():
            return float((self.module(INPUTS).argmax(1) == TARGETS).double().mean())


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


@pytest.fixture
def resume(tmp_path):
    return tmp_path / "resume.pt"


@pytest.fixture
def always_save(monkeypatch):
    monkeypatch.setattr(loop, "SAVE_SHARE", 0)


def assert_same(first, second):
    assert first.history == second.history
    assert first.best_epoch == second.best_epoch
    for a, b in [(first.last_state, second.last_state), (first.best_state, second.best_state)]:
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.usefixtures("always_save")
@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("epoch", [2, 3, 4, 5])
def test_interrupted_run_ends_as_if_it_had_not_been(resume, tmp_path, epoch, step):
    whole = loop.fit(Learner(), RECIPE, tmp_path / "other.pt", "key")
    with pytest.raises(Interrupted):
        loop.fit(Learner(stop=(epoch, step)), RECIPE, resume, "key")
    second = Learner(seed=1)  # what it starts from does not matter any more
    assert_same(loop.fit(second, RECIPE, resume, "key"), whole)
    assert second.steps[0] == (epoch, 1)


@pytest.mark.usefixtures("always_save")
def test_run_may_be_interrupted_again_and_again(resume, tmp_path):
    for epoch in (1, 2, 2, 4, 5):
        with pytest.raises(Interrupted):
            loop.fit(Learner(stop=(epoch, 3)), RECIPE, resume, "key")
    assert_same(loop.fit(Learner(), RECIPE, resume, "key"), loop.fit(Learner(), RECIPE, tmp_path / "o.pt", "key"))


@pytest.mark.usefixtures("always_save")
@pytest.mark.parametrize("damage", ["key", "cut", "text"])
def test_resume_file_that_does_not_fit_is_not_taken_up(resume, tmp_path, caplog, damage):
    with pytest.raises(Interrupted):
        loop.fit(Learner(stop=(4, 1)), RECIPE, resume, "older key" if damage == "key" else "key")
    if damage == "cut":
        resume.write_bytes(resume.read_bytes()[:-100])
    if damage == "text":
        resume.write_text("not a checkpoint")
    again = Learner()
    with caplog.at_level(logging.WARNING):
        fitted = loop.fit(again, RECIPE, resume, "key")
    assert again.steps[0] == (1, 1)
    assert_same(fitted, loop.fit(Learner(), RECIPE, tmp_path / "other.pt", "key"))
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "resume.pt" in warnings[0]
    assert "training starts from the beginning" in warnings[0]


def test_saving_takes_at_most_its_share_of_the_time(resume, monkeypatch):
    now, saves = [time.monotonic()], []

    def save(path, state):
        now[0] += 1.0  # a save takes a second, an epoch three
        saves.append(state["progress"]["epoch"])

    class Timed(Learner):
        def batches(self, epoch):
            now[0] += 3.0
            return super().batches(epoch)

    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(checkpoint, "save", save)
    loop.fit(Timed(), {**RECIPE, "epochs": 22}, resume, "key")
    assert saves == [1, 8, 15]  # 20 s after a save that took 1 s


def test_history_holds_every_epoch(resume):
    learner = Learner()
    fitted = loop.fit(learner, RECIPE, resume, "key")
    assert [row["epoch"] for row in fitted.history] == [1, 2, 3, 4, 5]
    assert [row["learning_rate"] for row in fitted.history] == pytest.approx([0.025, 0.05, 0.05, 0.005, 0.005])
    assert [row["test_top1"] is None for row in fitted.history] == [True, False, True, False, False]
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]
    halves = [[rate / 2, rate] for rate in [0.025, 0.05, 0.05, 0.005, 0.005] for _ in range(5)]
    np.testing.assert_allclose(learner.rates, halves)
    for name, value in learner.states[5].items():
        assert torch.equal(fitted.last_state[name], value)


def test_loss_of_an_epoch_is_the_mean_over_its_steps(resume):
    losses = []

    class Noting(Learner):
        def loss(self, batch):
            losses.append(super().loss(batch))
            return losses[-1]

    fitted = loop.fit(Noting(), {**RECIPE, "epochs": 1}, resume, "key")
    assert fitted.history[0]["loss"] == pytest.approx(np.mean([loss.item() for loss in losses]), rel=1e-12)


def test_best_is_the_first_of_equals(resume):
    learner = Scripted()
    fitted = loop.fit(learner, {**RECIPE, "evaluate": {"every": 1, "each_from": 1}}, resume, "key")
    assert [row["test_top1"] for row in fitted.history] == list(Scripted.scores)
    assert fitted.best_epoch == 2
    for name, value in learner.states[2].items():
        assert torch.equal(fitted.best_state[name], value)
        assert name.endswith("num_batches_tracked") or not torch.equal(fitted.last_state[name], value)


def test_best_is_sought_among_evaluated_epochs_only(resume):
    fitted = loop.fit(Scripted(), {**RECIPE, "evaluate": {"every": 9, "each_from": 3}}, resume, "key")
    assert fitted.best_epoch == 4


def test_best_may_be_wrong_everywhere(resume):
    class Hopeless(Learner):
        def test_top1(self):
            return 0.0

    assert loop.fit(Hopeless(), RECIPE, resume, "key").best_epoch == 2


@pytest.mark.usefixtures("always_save")
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(("wrong", "rate"), [((1, 1), "0.025"), ((2, 3), "0.05"), ((4, 5), "0.005")])
def test_loss_that_is_no_number_is_placed(resume, wrong, rate, value):
    says = rf"not finite at epoch {wrong[0]}, step {wrong[1]}, learning rate {rate}: lower the recipe's learning_rate"
    with pytest.raises(InputError, match=says):
        loop.fit(Diverging(wrong, value), RECIPE, resume, "key")


@pytest.mark.parametrize("step", [1, 5, 6, 13, 20])
def test_long_epoch_is_not_run_to_its_end_with_a_loss_that_is_no_number(resume, monkeypatch, step):
    monkeypatch.setattr(loop, "CHECK_EVERY", 5)
    learner = Diverging((1, step), batch_size=2)  # 20 steps an epoch
    with pytest.raises(InputError, match=f"step {step},"):
        loop.fit(learner, RECIPE, resume, "key")
    assert step <= len(learner.steps) < step + 5


@pytest.mark.usefixtures("always_save")
def test_state_after_a_loss_that_is_no_number_is_not_taken_up(resume):
    with pytest.raises(InputError):
        loop.fit(Diverging((3, 2)), RECIPE, resume, "key")
    kept = checkpoint.load(resume)
    assert kept["progress"]["epoch"] == 2
    assert all(torch.isfinite(value).all() for value in kept["module"].values())


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 min 0 s"), (75, "1 min 15 s"), (3600, "1 h 0 min"), (7265, "2 h 1 min")]
)
def test_time_left_in_words(seconds, words):
    assert loop._duration(seconds) == words
