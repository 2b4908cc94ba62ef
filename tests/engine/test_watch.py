import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from tests.small_settings import RECIPE, changed
from torch import nn

from longtail.engine import watch
from longtail.engine.progress import Progress
from longtail.engine.watch import Watch


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    return now


def recipe(epochs, every=1, each_from=1):
    return changed(RECIPE, epochs=epochs, evaluate={"every": every, "each_from": each_from})


@pytest.fixture
def epoch(clock):
    """An epoch of steps of 128 images that take so many seconds each, and of a test; gives the seconds left."""

    def pass_by(running, steps, test=None):
        for seconds in steps:
            clock[0] += seconds
            running.step(128)
        if test is not None:
            with running.testing():
                clock[0] += test
        top1 = None if test is None else 0.25
        running.progress.finish_epoch(0.1, 2.5, top1, nn.Linear(1, 1))
        running.epoch()
        return running.row["seconds_left"]

    return pass_by


def test_epochs_are_logged_with_speed_and_remaining_time(
    epoch: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    progress = Progress()
    running = Watch(tmp_path / "progress.json", progress, recipe(5))
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            epoch(running, [1.0] * 4, test=2.0)
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


def test_start_up_is_in_no_estimate(epoch: Any, tmp_path: Path) -> None:
    running = Watch(tmp_path / "progress.json", Progress(), recipe(10, every=10, each_from=10))
    # The first step takes a minute longer, and the rest of the first epoch twice as long as those to come.
    assert epoch(running, [62.0, 2.0, 2.0, 2.0]) == pytest.approx(9 * 8.0)
    assert epoch(running, [1.0] * 4) == pytest.approx(8 * 4.0)
    assert running.row["images_per_second"] == pytest.approx(128.0)


def test_the_only_step_of_an_epoch_counts_until_there_is_another(epoch: Any, tmp_path: Path) -> None:
    running = Watch(tmp_path / "progress.json", Progress(), recipe(4, every=4, each_from=4))
    assert [epoch(running, [seconds]) for seconds in (30.0, 1.0)] == pytest.approx([3 * 30.0, 2 * 1.0])


def test_one_slow_epoch_is_passed_over_and_a_new_pace_is_followed(epoch: Any, tmp_path: Path) -> None:
    running = Watch(tmp_path / "progress.json", Progress(), recipe(20, every=20, each_from=20))
    for _ in range(6):
        epoch(running, [1.0] * 4)
    assert epoch(running, [9.0] * 4) == pytest.approx(13 * 4.0)
    # As where a part of a method is deferred to the last epochs: three of five are dearer from now on.
    assert epoch(running, [3.0] * 4) == pytest.approx(12 * 4.0)
    assert epoch(running, [3.0] * 4) == pytest.approx(11 * 12.0)


def test_tests_count_where_the_recipe_has_them(epoch: Any, tmp_path: Path) -> None:
    running = Watch(tmp_path / "progress.json", Progress(), recipe(10, every=4, each_from=9))
    tests = [None, None, None, 6.0, None, None, None, 2.0, 2.0, 2.0]
    left = [epoch(running, [1.0] * 4, test) for test in tests]
    # After epoch 4 those of 8, 9 and 10 are to come; the first one, which took longer, counts until another is known.
    assert left == pytest.approx([36, 32, 28, 24 + 18, 20 + 18, 16 + 18, 12 + 18, 8 + 4, 4 + 2, 0])


def test_a_resumed_training_has_the_speed_of_this_process(
    clock: Any, epoch: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Interrupted after the first half of the ninth epoch, which has 512 images.
    progress = Progress(epoch=8, images=8 * 512 + 256, seconds=9000.0, training_seconds=9000.0, history=[{}] * 8)
    running = Watch(tmp_path / "progress.json", progress, recipe(12, every=12, each_from=12))
    with caplog.at_level(logging.INFO):
        epoch(running, [60.0, 4.0])
    assert caplog.messages == ["epoch 9/12  loss 2.5000  lr 0.1  32 images/s  0 min 48 s left"]


def test_a_training_resumed_between_last_step_and_end_of_an_epoch(epoch: Any, tmp_path: Path) -> None:
    progress = Progress(epoch=1, images=1024, seconds=16.0, training_seconds=16.0, history=[{}])
    running = Watch(tmp_path / "progress.json", progress, recipe(4, every=4, each_from=4))
    # All that is known is the speed of the process before.
    assert epoch(running, []) == pytest.approx(2 * 8.0)
    assert epoch(running, [1.0] * 4) == pytest.approx(1 * 4.0)


def test_training_is_seen_from_its_start_and_within_long_epochs(clock: Any, tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    running = Watch(path, Progress(), recipe(5))
    first = json.loads(path.read_text())
    assert (first["epoch"], first["epochs"], first["loss"], first["seconds_left"]) == (0, 5, None, None)
    clock[0] += watch.ALIVE_SECONDS - 1
    running.step(128)
    assert json.loads(path.read_text()) == first
    clock[0] += 1
    running.step(128)
    assert json.loads(path.read_text())["updated"] > first["updated"]
    history = [{"epoch": 3, "learning_rate": 0.1, "loss": 1.5, "test_top1": None}]
    Watch(path, Progress(epoch=3, history=history), recipe(5))
    again = json.loads(path.read_text())
    assert (again["epoch"], again["loss"], again["images_per_second"]) == (3, 1.5, None)


def test_display_that_cannot_be_written_ends_nothing(clock: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    progress = Progress()
    running = Watch(tmp_path / "file" / "progress.json", progress, recipe(1))
    progress.finish_epoch(0.1, 2.5, None, nn.Linear(1, 1))
    running.epoch()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 min 0 s"), (75, "1 min 15 s"), (3600, "1 h 0 min"), (7265, "2 h 1 min")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert watch.duration(seconds) == words
