"""Trainings of one process end as each ends alone: to the byte on a CPU, also with a stand-in for CUDA graphs."""

import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import small
from tests.engine.toy import replayed

from longtail.engine import graphs, loop, step, together
from longtail.engine.loop import Fitted
from longtail.engine.together import Member, Together
from longtail.runtime.errors import InputError
from longtail.runtime.signals import Stopped
from longtail.settings.stage1 import Stage1
from longtail.stage1 import train
from longtail.stage1.learner import Stage1Learner

MIXED = small.STAGE1
# Its weights of images are learnt in its last epoch, and its batches hold more images than those of the others.
LEARNT_WEIGHTS = small.changed(
    small.STAGE1,
    mixing=None,
    recipe={"epochs": 2, "defer": 1},
    deferred={"weighting": {"name": "class_balanced", "beta": 0.9, "mean": "images"}},
    algorithm={"name": "mcw", "per_class": 10, "batch_size": 20, "rate": 0.01},
)
STOPPING_EARLY = small.changed(
    small.STAGE1,
    mixing={"name": "remix", "alpha": 1.0, "kappa": 3, "tau": 0.5, "reduction": "per_sample"},
    recipe={"epochs": 9, "batch_size": 64, "optimizer": "adam", "early_stopping": {"every": 2, "patience": 4}},
)
TWO_BRANCHES = small.changed(
    small.STAGE1,
    backbone="bbn_resnet32",
    mixing=None,
    recipe={"epochs": 2},
    algorithm={"name": "bbn", "sampler": {"name": "reverse"}},
)
DIVERGING = small.changed(small.STAGE1, recipe={"learning_rate": 1e30, "schedule": {"kind": "cosine"}})


def learner(settings: Stage1, capture: bool = False) -> Stage1Learner:
    built = train.learner(*small.data(), settings)
    object.__setattr__(built.backend, "capture", capture)
    return built


def member(settings: Stage1, folder: Path, capture: bool = False, stop: Any = lambda: 0) -> Member:
    return Member(learner(settings, capture), settings.recipe, small.resume(folder), stop)


def alone(settings: Stage1, folder: Path, capture: bool = False) -> Fitted:
    return loop.fit(learner(settings, capture), settings.recipe, small.resume(folder))


def finish(group: Together) -> None:
    while group.members:
        group.round()


def assert_same(ended: Any, fitted: Fitted) -> None:
    assert isinstance(ended, Fitted), ended
    assert ended.history == fitted.history
    assert (ended.best_epoch, ended.images) == (fitted.best_epoch, fitted.images)
    for state, expected in [(ended.last_state, fitted.last_state), (ended.best_state, fitted.best_state)]:
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[name], expected[name]) for name in state)


@pytest.fixture
def always_save(monkeypatch):
    monkeypatch.setattr(loop, "CHECK_SECONDS", 0)
    monkeypatch.setattr("longtail.engine.resume.SAVE_SHARE", 0)


def test_each_ends_as_it_does_alone_whoever_joins_and_leaves(tmp_path: Path) -> None:
    group, chosen = Together(), [MIXED, LEARNT_WEIGHTS, STOPPING_EARLY]
    members = [member(settings, tmp_path / str(number)) for number, settings in enumerate(chosen)]
    for each in members:
        group.join(each)
    ended = []
    while not ended:
        ended = group.round()
    late = member(TWO_BRANCHES, tmp_path / "late")
    group.join(late)
    finish(group)
    for number, (each, settings) in enumerate(zip([*members, late], [*chosen, TWO_BRANCHES], strict=True)):
        assert_same(each.ended, alone(settings, tmp_path / "alone" / str(number)))
    assert members[2].ended.history[-1]["epoch"] < 9  # it was its patience that ended it


@pytest.mark.usefixtures("always_save")
def test_one_is_stopped_and_one_killed_and_both_resume_beside_the_others(tmp_path: Path) -> None:
    asked = [0]
    group, goes_on = Together(), member(MIXED, tmp_path / "goes_on")
    stopped = member(LEARNT_WEIGHTS, tmp_path / "stopped", stop=lambda: asked[0])
    killed = member(TWO_BRANCHES, tmp_path / "killed")
    for each in (goes_on, stopped, killed):
        group.join(each)
    for _ in range(9):
        group.round()
    asked[0] = signal.SIGTERM
    assert group.round() == [stopped]
    assert isinstance(stopped.ended, Stopped)
    assert str(stopped.ended).startswith("stopped by SIGTERM in epoch 2 after step 2: saved")
    group.leave(killed)
    assert group.members == [goes_on]
    again = [member(LEARNT_WEIGHTS, tmp_path / "stopped"), member(TWO_BRANCHES, tmp_path / "killed")]
    for each in again:
        group.join(each)
    finish(group)
    for each, settings in [(goes_on, MIXED), (again[0], LEARNT_WEIGHTS), (again[1], TWO_BRANCHES)]:
        assert_same(each.ended, alone(settings, tmp_path / "alone" / settings.algorithm.name))


def test_members_save_the_more_rarely_the_more_of_them_wait(tmp_path: Path) -> None:
    group = Together()
    first, second = (member(MIXED, tmp_path / name) for name in "ab")
    first.resume.cost = 1.0  # a save took a second, and saving may take a twentieth of the time
    group.join(first)
    assert first.resume.is_due(first.resume.saved + 20)
    group.join(second)
    assert not first.resume.is_due(first.resume.saved + 20)
    assert first.resume.is_due(first.resume.saved + 40)
    group.leave(second)
    assert first.resume.is_due(first.resume.saved + 20)


def test_one_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    class Broken(Stage1Learner):
        def loss(self, batch):
            raise IndexError("a bug")

    group = Together()
    bug = Member(Broken(*small.data(), MIXED), MIXED.recipe, small.resume(tmp_path / "bug"), lambda: 0)
    diverging, sound = member(DIVERGING, tmp_path / "diverging"), member(MIXED, tmp_path / "sound")
    for each in (bug, diverging, sound):
        group.join(each)
    finish(group)
    assert isinstance(bug.ended, IndexError)
    assert isinstance(diverging.ended, InputError)
    assert str(diverging.ended).startswith("the loss is not finite at epoch 1, step ")
    assert_same(sound.ended, alone(MIXED, tmp_path / "alone"))


def test_steps_are_captured_together_where_shapes_come_often(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a stand-in for CUDA graphs that also disturbs every learner when it records, as warming up does."""
    recorded: list[list[int]] = []

    def noted(function, inputs):
        recorded.append([len(value) for value in inputs if value.dtype == torch.uint8])
        return replayed(function, inputs)

    monkeypatch.setattr(graphs, "Captured", partial(graphs.Captured, record=noted))
    monkeypatch.setattr(together, "OFTEN", 4)
    plain = small.changed(
        MIXED, mixing=None, recipe={"epochs": 6, "batch_size": 40}, seeds={"initialisation": 1, "order": 1}
    )
    group = Together()
    members = [member(MIXED, tmp_path / "mixed", True), member(plain, tmp_path / "plain", True)]
    for each in members:
        group.join(each)
    for _ in range(9):
        group.round()
    # Full batches of both; then the short last batch of each, which comes too rarely.
    assert recorded == [[32], [40], [32, 40], [39], [7]]
    late = member(MIXED, tmp_path / "late", True)
    group.join(late)
    finish(group)
    # Each new group has its own, once its batches have been full together four times.
    assert [sizes for sizes in recorded if len(sizes) > 1] == [[32, 40], [32, 40, 32], [40, 32]]
    assert_same(members[1].ended, alone(plain, tmp_path / "plain_alone", True))
    mixed = alone(MIXED, tmp_path / "mixed_alone", True)
    for each in (members[0], late):
        assert_same(each.ended, mixed)


def test_what_cannot_be_captured_together_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(function, inputs):
        if len(inputs) > 4:
            raise RuntimeError("operation not permitted when stream is capturing")
        return replayed(function, inputs)

    monkeypatch.setattr(graphs, "Captured", partial(graphs.Captured, record=record))
    built, apart = ([learner(MIXED, capture=True), learner(TWO_BRANCHES, capture=True)] for _ in range(2))
    steps, own = together.make(built), [step.make(each) for each in apart]
    drawn = zip(*(each.batches(each.epoch(1)) for each in built), strict=False)
    for batches in drawn:
        expected = [train(batch) for train, batch in zip(own, batches, strict=True)]
        assert torch.equal(torch.stack(steps(batches)), torch.stack(expected))
