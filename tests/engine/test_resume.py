import errno
import logging
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.engine.toy import RECIPE, Learner

from longtail.engine import checkpoint, loop, resume, step
from longtail.engine.progress import Progress
from longtail.engine.resume import Resume
from longtail.runtime import files

IDENTITY = {"settings": "s", "code": "c", "PyTorch version": "2"}


@pytest.fixture
def file(tmp_path):
    return Resume(tmp_path / "resume.pt", IDENTITY)


def trained(steps=3):
    """A learner after some steps of its first epoch, and its progress."""
    learner, progress = Learner(), Progress()
    one = step.make(learner)
    for _, batch in zip(range(steps), learner.batches(learner.epoch(1)), strict=False):
        progress.losses.append(one(batch))
    return learner, progress


def test_everything_is_taken_up(file: Any) -> None:
    learner, progress = trained()
    progress.history.append({"epoch": 1, "learning_rate": 0.1, "loss": 2.0, "test_top1": 0.5})
    progress.epoch, progress.best_epoch, progress.best_state = 1, 1, {"weight": torch.ones(2)}
    progress.images, progress.seconds, progress.training_seconds = 24, 3.0, 2.5
    other = Learner(seed=1)
    for each, kept in ((learner, [1.0, 2.0]), (other, [0.0, 0.0])):
        each.memory.register_buffer("kept", torch.tensor(kept))
    file.save(learner, progress)
    found = Resume(file.path, IDENTITY).restore(other)
    assert found.best_state.pop("weight").tolist() == progress.best_state.pop("weight").tolist()
    assert found == progress
    assert other.memory.kept.tolist() == [1.0, 2.0]
    for name, value in learner.module.state_dict().items():
        assert torch.equal(other.module.state_dict()[name], value)
    for mine, theirs in zip(learner.module.parameters(), other.module.parameters(), strict=True):
        expected = learner.optimizer.state[mine]["momentum_buffer"]
        assert torch.equal(other.optimizer.state[theirs]["momentum_buffer"], expected)


def refused(file, caplog, identity=IDENTITY):
    with caplog.at_level(logging.WARNING):
        learner = Learner(seed=1)
        assert Resume(file.path, identity).restore(learner) == Progress()
    fresh = Learner(seed=1).module.state_dict()
    assert all(torch.equal(value, fresh[name]) for name, value in learner.module.state_dict().items())
    (record,) = caplog.records
    return record.getMessage()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"settings": "t"}, "settings"),
        ({"code": "d"}, "code"),
        ({"PyTorch version": "3"}, "PyTorch version"),
        ({"settings": "t", "code": "d"}, "settings and code"),
    ],
)
def test_file_of_another_run_is_refused_in_one_sentence(
    file: Any, caplog: pytest.LogCaptureFixture, change: dict[str, str], named: str
) -> None:
    file.save(*trained())
    sentence = refused(file, caplog, IDENTITY | change)
    assert sentence == f"{file.path} belongs to other {named}: training starts from the beginning"


@pytest.mark.parametrize("content", [None, b"not a checkpoint", b""])
def test_file_that_is_not_whole_is_refused_in_one_sentence(
    file: Any, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    file.save(*trained())
    file.path.write_bytes(file.path.read_bytes()[:-100] if content is None else content)
    sentence = refused(file, caplog)
    assert sentence.startswith(f"training starts from the beginning: {file.path} is not a whole checkpoint")


@pytest.mark.parametrize("state", [{"weight": torch.ones(2)}, {"identity": None}, [1], 3])
def test_another_checkpoint_in_its_place_is_refused_in_one_sentence(
    file: Any, caplog: pytest.LogCaptureFixture, state: dict[str, Any] | int | list[int]
) -> None:
    checkpoint.save(file.path, state)
    sentence = refused(file, caplog)
    known = "settings and code and PyTorch version"
    assert sentence == f"{file.path} belongs to other {known}: training starts from the beginning"


def test_nothing_in_the_file_is_executed(file: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    torch.save({"identity": IDENTITY, "module": Bomb()}, file.path)
    refused(file, caplog)
    assert not (tmp_path / "executed").exists()


def test_full_disk_leaves_the_earlier_state_and_the_training(
    file: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, progress = trained()
    file.save(learner, progress)
    earlier = file.path.read_bytes()

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    progress.losses.append(progress.losses[0])
    with caplog.at_level(logging.WARNING):
        file.save(learner, progress)
    (record,) = caplog.records
    assert "No space left on device" in record.getMessage()
    assert record.getMessage().endswith("training goes on, and would go on from epoch 0 and 3 steps")
    assert [path.name for path in file.path.parent.iterdir()] == ["resume.pt"]
    assert file.path.read_bytes() == earlier


def test_saving_takes_at_most_its_share_of_the_time(file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now, saves = [time.monotonic()], []

    def save(path, state):
        now[0] += 1.0  # a save takes a second, a step three
        saves.append((state["progress"]["epoch"], len(state["progress"]["losses"])))

    class Timed(Learner):
        def loss(self, batch):
            now[0] += 3.0
            return super().loss(batch)

    clock = SimpleNamespace(monotonic=lambda: now[0], time=time.time)
    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(resume, "time", clock)
    monkeypatch.setattr(checkpoint, "save", save)
    file.saved = now[0]
    loop.fit(Timed(), RECIPE, file)
    assert saves[:3] == [(0, 1), (1, 3), (2, 5)]  # 20 s after a save that took 1 s, five steps an epoch
