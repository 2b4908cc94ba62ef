import json
import logging
import os

import pytest
from torch import nn

from longtail.engine import watch
from longtail.engine.resume import Progress
from longtail.engine.watch import Watch


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    return now


def test_epochs_are_told_with_speed_and_time_left(clock, tmp_path, caplog):
    progress = Progress()
    running = Watch(tmp_path / "progress.json", progress, epochs=5)
    with caplog.at_level(logging.INFO):
        for epoch in (1, 2):
            for _ in range(4):
                clock[0] += 1.0
                running.step(128)
            with running.testing():
                clock[0] += 2.0
            progress.finish_epoch(epoch, 0.1, 2.5, 0.25, nn.Linear(1, 1))
            running.epoch()
    assert [record.getMessage() for record in caplog.records] == [
        "epoch 1/5  loss 2.5000  lr 0.1  test 25.00 %  128 images/s  0 min 24 s left",
        "epoch 2/5  loss 2.5000  lr 0.1  test 25.00 %  128 images/s  0 min 18 s left",
    ]
    assert (progress.images, progress.seconds, progress.training_seconds) == (1024, 12.0, 8.0)
    seen = json.loads((tmp_path / "progress.json").read_text())
    assert (seen["epoch"], seen["epochs"], seen["loss"], seen["test_top1"]) == (2, 5, 2.5, 0.25)
    assert (seen["images_per_second"], seen["seconds_left"], seen["pid"]) == (128.0, 18.0, os.getpid())
    running.close()
    assert list(tmp_path.iterdir()) == []


def test_time_left_counts_the_epochs_of_this_start(clock, tmp_path, caplog):
    progress = Progress(epoch=8, images=800, seconds=1000.0, training_seconds=1000.0)
    running = Watch(tmp_path / "progress.json", progress, epochs=12)
    clock[0] += 10.0
    running.step(50)
    with caplog.at_level(logging.INFO):
        progress.history = [{"loss": 1.0, "learning_rate": 0.1, "test_top1": None}]
        progress.epoch = 9
        running.epoch()
    assert caplog.messages == ["epoch 9/12  loss 1.0000  lr 0.1  1 images/s  0 min 30 s left"]


def test_training_is_seen_from_its_start_and_within_long_epochs(clock, tmp_path):
    path = tmp_path / "progress.json"
    running = Watch(path, Progress(), epochs=5)
    first = json.loads(path.read_text())
    assert (first["epoch"], first["epochs"], first["loss"], first["seconds_left"]) == (0, 5, None, None)
    clock[0] += watch.ALIVE_SECONDS - 1
    running.step(128)
    assert json.loads(path.read_text()) == first
    clock[0] += 1
    running.step(128)
    assert json.loads(path.read_text())["updated"] > first["updated"]
    history = [{"epoch": 3, "learning_rate": 0.1, "loss": 1.5, "test_top1": None}]
    Watch(path, Progress(epoch=3, history=history), epochs=5)
    again = json.loads(path.read_text())
    assert (again["epoch"], again["loss"], again["images_per_second"]) == (3, 1.5, None)


def test_display_that_cannot_be_written_ends_nothing(clock, tmp_path):
    (tmp_path / "file").write_text("")
    progress = Progress()
    running = Watch(tmp_path / "file" / "progress.json", progress, epochs=1)
    progress.finish_epoch(1, 0.1, 2.5, None, nn.Linear(1, 1))
    running.epoch()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 min 0 s"), (75, "1 min 15 s"), (3600, "1 h 0 min"), (7265, "2 h 1 min")]
)
def test_durations_in_words(seconds, words):
    assert watch.duration(seconds) == words
