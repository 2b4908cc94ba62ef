import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from tests import small
from torch import nn

from longtail.engine import distributed, loop
from longtail.engine.distributed import World
from longtail.runtime.errors import InputError
from longtail.stage1 import train
from longtail.stage1.learner import Stage1Learner

CPU2 = small.COMPUTE | {"processes": 2}


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
    loop.follow(exact(world, settings), settings["recipe"])


def test_two_processes_train_as_one(tmp_path):
    """Mixed batches of 32 and, at the end of an epoch, of 7 images."""
    settings = small.changed(small.STAGE1, recipe=small.RECIPE | {"epochs": 2})
    fitted = []
    for size in (1, 2):
        with distributed.world(size, False, follow_exactly, settings) as world:
            resume = small.resume(tmp_path / str(size))
            fitted.append(loop.fit(exact(world, settings), settings["recipe"], resume))
    one, two = fitted
    assert [row["loss"] for row in two.history] == pytest.approx([row["loss"] for row in one.history], rel=1e-6)
    assert [row["test_top1"] for row in two.history] == pytest.approx([row["test_top1"] for row in one.history])
    assert two.images == one.images
    for name, value in one.last_state.items():
        torch.testing.assert_close(two.last_state[name], value, rtol=1e-4, atol=1e-6)


def follow(world, settings):
    """What the other processes of the tests below do."""
    if settings == "gather":
        world.gather(torch.arange(7)[world.rows(7)], 7)
        world.add_up([torch.ones(2), torch.full((1,), 5.0)])
    if settings == "wait":
        time.sleep(60)
    if settings == "fail":
        raise InputError("data/a.jpg is not a readable image: repair or remove it")


def test_rows_are_gathered_and_sums_added_up():
    with distributed.world(2, False, follow, "gather") as world:
        assert world == World(0, 2)
        assert world.gather(torch.arange(7)[world.rows(7)], 7).tolist() == list(range(7))
        values = [torch.zeros(2), torch.full((1,), 0.5)]
        world.add_up(values)
        assert [value.tolist() for value in values] == [[1.0, 1.0], [5.5]]


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 7, 128])
def test_every_row_is_some_processs(size, count):
    worlds = [World(rank, size) for rank in range(size)]
    rows = np.concatenate([np.arange(count)[world.rows(count)] for world in worlds])
    assert sum(world.share(count) for world in worlds) == pytest.approx(1)
    assert rows.tolist() == list(range(count)) * (size if count < size else 1)


SCRIPT = """
import sys
from tests.engine.test_distributed import follow
from longtail.engine import distributed
import torch
if __name__ == "__main__":
    with distributed.world(2, False, follow, "fail") as world:
        world.add_up([torch.ones(1)])
        torch.distributed.barrier()
"""


def test_process_that_fails_ends_the_training_with_its_sentence(tmp_path):
    script = tmp_path / "training.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": f"lib{os.pathsep}."}
    done = subprocess.run(
        [sys.executable, script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path.cwd(),
        check=False,
    )
    assert done.returncode == 1
    assert "error: data/a.jpg is not a readable image: repair or remove it" in done.stdout


KILLED = """
import os, signal, sys, time
from tests.engine.test_distributed import follow
from longtail.engine import distributed
import torch.multiprocessing
if __name__ == "__main__":
    with distributed.world(2, False, follow, "wait") as world:
        (other,) = torch.multiprocessing.active_children()
        os.kill(other.pid, signal.SIGTERM)
        time.sleep(0.5)
        print(other.pid, other.is_alive(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_other_processes_ignore_signals_and_end_with_the_first(tmp_path):
    script = tmp_path / "training.py"
    script.write_text(KILLED)
    environment = os.environ | {"PYTHONPATH": f"lib{os.pathsep}."}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    pid, alive = done.stdout.split()
    assert (done.returncode, alive) == (-signal.SIGKILL, "True")
    end = time.monotonic() + 20
    while time.monotonic() < end and Path("/proc", pid).exists():
        time.sleep(0.1)
    assert not Path("/proc", pid).exists()


def test_shared_batch_norm_keeps_names_values_and_what_is_frozen():
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


def test_killed_run_goes_on_with_another_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECK_SECONDS", 0)
    monkeypatch.setattr("longtail.engine.resume.SAVE_SHARE", 0)
    recipe = small.RECIPE | {"epochs": 2}
    whole = run(tmp_path / "whole", small.COMPUTE, recipe=recipe)
    batches = Stage1Learner.batches

    def killed(self, epoch, first=0):
        for number, batch in enumerate(batches(self, epoch, first)):
            if (epoch, number) == (2, 3):
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
