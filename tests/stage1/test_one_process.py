"""A job hands its training to another process, and ends as if it had trained itself. Here this process is the job."""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests import small

from longtail.data import arrays
from longtail.engine.inputs import Inputs
from longtail.engine.loop import Fitted
from longtail.engine.resume import Resume
from longtail.runtime import servers
from longtail.runtime.errors import InputError
from longtail.runtime.signals import Stopped
from longtail.settings.stage1 import Stage1
from longtail.stage1 import one_process, train
from longtail.stage1.weights import Weights

ENDLESS = {"epochs": 100_000, "evaluate": {"every": 100_000, "each_from": 100_000}}


@pytest.fixture(scope="module", autouse=True)
def allowed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The process that trains ends with another one, which ends with these tests."""
    with pytest.MonkeyPatch.context() as patch, subprocess.Popen(["sleep", "600"]) as owner:
        for name, value in zip(servers.TRAININGS, (tmp_path_factory.mktemp("s"), owner.pid), strict=True):
            patch.setenv(name, str(value))
        yield
        owner.kill()


@pytest.fixture
def read(tmp_path: Path) -> Inputs:
    data, subset = small.data()
    arrays.save(tmp_path / "digits.npz", data)
    return Inputs(str(tmp_path / "digits.npz"), "", subset, 0)


def trained(read: Inputs, folder: Path, settings: Stage1, weights: Weights | None = None) -> Fitted:
    return one_process.train(read, settings, small.resume(folder), {}, weights)


def trainer(caplog: pytest.LogCaptureFixture) -> int:
    """The process that trained."""
    return next(record.args[0] for record in caplog.records if record.msg.startswith("trained by process"))


@contextlib.contextmanager
def once_saved(folder: Path, act) -> Iterator[None]:
    """Do something when a training has saved its state in a folder."""

    def wait():
        while not (folder / "resume.pt").exists():
            time.sleep(0.05)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def test_a_training_is_the_same_by_another_process(
    read: Inputs, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    torch.save(small.network_state(), tmp_path / "weights.pt")
    settings = small.changed(small.STAGE1, weights="0" * 12)
    weights, same = (Weights(tmp_path / "weights.pt", "a backbone") for _ in range(2))
    with caplog.at_level(logging.INFO):
        found = trained(read, tmp_path / "a", settings, weights)
    assert trainer(caplog) != os.getpid()
    assert "data" not in vars(read)  # the job has not read the images
    expected = train.train(read.data, read.subset, settings, small.resume(tmp_path / "b"), weights=same)
    assert found.history == expected.history
    assert all(torch.equal(found.last_state[name], value) for name, value in expected.last_state.items())
    assert weights.report == same.report != {}
    lines = [line.split(" ", 1)[1] for line in capfd.readouterr().out.splitlines()]
    assert lines[0].startswith("starts from ")
    assert lines[-1].startswith("epoch 3/3  loss ")


def test_a_mistake_and_a_defect_are_those_of_the_job(
    read: Inputs, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    diverging = small.changed(small.STAGE1, recipe={"learning_rate": 1e30, "schedule": {"kind": "cosine"}})
    with pytest.raises(InputError, match="the loss is not finite at epoch 1, step "):
        trained(read, tmp_path, diverging)
    Path(read.arrays).write_bytes(b"damaged")
    with pytest.raises(InputError, match="is not a whole arrays file"):
        trained(read, tmp_path, small.STAGE1)
    incomplete = small.changed(small.STAGE1, backbone="bbn_resnet32", mixing=None, algorithm={"name": "bbn"})
    arrays.save(read.arrays, small.data()[0])
    with pytest.raises(RuntimeError, match="in the process that trains for several jobs: KeyError: 'sampler'"):
        trained(read, tmp_path, incomplete)
    assert "Traceback (most recent call last):" in capfd.readouterr().out


def test_a_job_that_is_asked_to_stop_asks_its_training(read: Inputs, tmp_path: Path) -> None:
    endless = small.changed(small.STAGE1, recipe=ENDLESS)
    with once_saved(tmp_path, lambda: os.kill(os.getpid(), signal.SIGTERM)), pytest.raises(Stopped) as stopped:
        trained(read, tmp_path, endless)
    assert stopped.value.number == signal.SIGTERM
    assert str(stopped.value).startswith("stopped by SIGTERM in epoch ")
    assert small.resume(tmp_path).path.exists()


def test_a_process_that_is_killed_is_named_and_replaced(
    read: Inputs, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    endless = small.changed(small.STAGE1, recipe=ENDLESS)
    with caplog.at_level(logging.INFO):
        with once_saved(tmp_path, lambda: os.kill(trainer(caplog), signal.SIGKILL)), pytest.raises(SystemExit) as end:
            trained(read, tmp_path, endless)
        assert end.value.code == 1
        assert capfd.readouterr().out.splitlines()[-1] == one_process.GONE
        first = trainer(caplog)
        caplog.clear()
        trained(read, tmp_path / "again", small.changed(small.STAGE1, recipe={"epochs": 1}))
        assert trainer(caplog) != first


@pytest.mark.parametrize(
    "changes",
    [{"compute": {"processes": 2}}, {"backbone": "textcnn"}],
    ids=["several processes for one training", "a network that draws"],
)
def test_some_trainings_are_not_handed_over(
    read: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    given = []
    monkeypatch.setattr(train, "train", lambda data, subset, settings, *rest: given.append(settings))
    settings = small.changed(small.STAGE1, **changes)
    one_process.train(read, settings, Resume(tmp_path / "resume.pt", {}), {}, None)
    assert given == [settings]


def test_without_the_setting_a_job_trains_by_itself(
    read: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(servers.TRAININGS[0])
    with caplog.at_level(logging.INFO):
        trained(read, tmp_path, small.changed(small.STAGE1, recipe={"epochs": 1}))
    assert not any(record.msg.startswith("trained by process") for record in caplog.records)
