import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from tests import small
from torch import nn
from torch.distributed import distributed_c10d

from longtail.engine import distributed, loop
from longtail.engine.distributed import World
from longtail.runtime import children
from longtail.runtime.errors import InputError
from longtail.stage1 import train
from longtail.stage1.learner import Stage1Learner

CPU2 = {"processes": 2}


@pytest.fixture(autouse=True)
def groups_from_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """A meeting that fails counts as a group, and processes that start afresh would not find this one at the next."""
    monkeypatch.setattr(distributed_c10d, "_group_count", 0)


def run(folder, compute, **changes):
    settings = small.changed(small.STAGE1, compute=compute, **changes)
    return train.train(*small.data(), settings, small.resume(folder))


def exact(world, settings):
    """A learner in float64: in float32 a training lets a last digit grow tenfold a step."""
    learner = Stage1Learner(*small.data(), settings, world=world)
    learner.module.double()
    in_float32 = learner.normalise
    learner.normalise = lambda pixels: in_float32(pixels).double()
    return learner


def follow_exactly(world, settings):
    """What the other process of the test below does."""
    loop.follow(exact(world, settings), settings.recipe)


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """Mixed batches of 32 and, at the end of an epoch, of 7 images."""
    settings = small.changed(small.STAGE1, recipe={"epochs": 2})
    fitted = []
    for size in (1, 2):
        with distributed.world(size, False, follow_exactly, settings) as world:
            resume = small.resume(tmp_path / str(size))
            fitted.append(loop.fit(exact(world, settings), settings.recipe, resume))
    one, two = fitted
    assert [row["loss"] for row in two.history] == pytest.approx([row["loss"] for row in one.history], rel=1e-6)
    assert [row["test_top1"] for row in two.history] == pytest.approx([row["test_top1"] for row in one.history])
    assert two.images == one.images
    for name, value in one.last_state.items():
        torch.testing.assert_close(two.last_state[name], value, rtol=1e-4, atol=1e-6)


def follow(world, what):
    """What the other processes of the tests below do."""
    if what == "gather":
        world.gather(torch.arange(7)[world.rows(7)], 7)
        world.add_up([torch.ones(2), torch.full((1,), 5.0)])
    if what == "wait":
        time.sleep(60)
    if what == "bad input":
        raise InputError("data/a.jpg is not a readable image: repair or remove it")
    if what == "defect":
        raise KeyError("missing")
    if what == "exit":
        os._exit(3)
    if what == "fall":
        os.kill(os.getpid(), signal.SIGKILL)


def test_rows_are_gathered_and_sums_added_up() -> None:
    with distributed.world(2, False, follow, "gather") as world:
        assert world == World(0, 2)
        assert world.gather(torch.arange(7)[world.rows(7)], 7).tolist() == list(range(7))
        values = [torch.zeros(2), torch.full((1,), 0.5)]
        world.add_up(values)
        assert [value.tolist() for value in values] == [[1.0, 1.0], [5.5]]


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 7, 128])
def test_every_row_is_some_processs(size: int, count: int) -> None:
    worlds = [World(rank, size) for rank in range(size)]
    rows = np.concatenate([np.arange(count)[world.rows(count)] for world in worlds])
    assert sum(world.share(count) for world in worlds) == pytest.approx(1)
    assert rows.tolist() == list(range(count)) * (size if count < size else 1)


@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [
        ("bad input", InputError, "^data/a.jpg is not a readable image: repair or remove it$"),
        ("defect", RuntimeError, "^process 2 of 2: KeyError: 'missing'$"),
        ("exit", RuntimeError, "^process 2 of 2 ended with exit code 3$"),
        ("fall", RuntimeError, "^process 2 of 2 was ended by SIGKILL$"),
    ],
)
def test_process_that_dies_ends_an_exchange_in_its_words(
    what: str, kind: type, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "GRACE_SECONDS", 60)  # however slow this machine is
    with pytest.raises(kind, match=words), distributed.world(2, False, follow, what) as world:
        world.add_up([torch.ones(1)])


# Of an exchange, and of the meeting before the first.
TOO_LATE = "Timed out|Wait timeout"


def test_no_exchange_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "EXCHANGE", timedelta(seconds=5))
    monkeypatch.setattr(children, "GRACE_SECONDS", 0)
    with pytest.raises(RuntimeError, match=TOO_LATE), distributed.world(2, False, follow, "wait") as world:
        world.add_up([torch.ones(1)])


def test_process_that_never_comes_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "START", "import time; time.sleep(60)")
    monkeypatch.setattr(distributed, "EXCHANGE", timedelta(seconds=1))
    monkeypatch.setattr(children, "GRACE_SECONDS", 0)
    with pytest.raises(RuntimeError, match=TOO_LATE), distributed.world(2, False, follow, "wait"):
        pass


def test_shared_batch_norm_keeps_names_values_and_what_is_frozen() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Sequential(nn.BatchNorm2d(2).eval()))
    module[2].requires_grad_(False)
    module[1].running_mean.fill_(3.0)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    shared = distributed.share_batch_norm(module)
    assert isinstance(shared[1], distributed.SharedBatchNorm2d)
    assert all(torch.equal(value, before[name]) for name, value in shared.state_dict().items())
    assert (shared[1].training, shared[2][0].training) == (True, False)
    assert [p.requires_grad for p in shared[2].parameters()] == [False, False]
    images = torch.randn(3, 1, 4, 4)
    shared.eval()
    expected = nn.functional.batch_norm(module[0](images), shared[1].running_mean, shared[1].running_var)
    torch.testing.assert_close(shared[1](module[0](images)), expected)


def test_killed_run_goes_on_with_another_number_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECK_SECONDS", 0)
    monkeypatch.setattr("longtail.engine.resume.SAVE_SHARE", 0)
    recipe = {"epochs": 2}
    whole = run(tmp_path / "whole", small.COMPUTE, recipe=recipe)
    batches = Stage1Learner.batches

    def killed(self, epoch):
        for number, batch in enumerate(batches(self, epoch)):
            if (epoch.number, number) == (2, 3):
                raise KeyError("killed")
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(Stage1Learner, "batches", killed)
        with pytest.raises(KeyError):
            run(tmp_path, small.COMPUTE, recipe=recipe)
    again = run(tmp_path, CPU2, recipe=recipe)
    assert again.history[0] == whole.history[0]
    assert again.history[1]["loss"] == pytest.approx(whole.history[1]["loss"], rel=0.01)
    assert again.history[1]["loss"] != whole.history[0]["loss"]
