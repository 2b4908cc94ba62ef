"""Backbones are compared within the same seconds."""

import argparse

import pytest
from benchmarks import harness, large
from benchmarks.harness import Contestant, Heat


def test_each_runs_beside_the_first_and_its_ratio_is_of_those_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    # The machine is half as fast each time.
    speeds = iter([(8.0, 8.0), (4.0, 1.0), (2.0, 0.5), (1.0, 1.0)])
    pairs = []

    def together(contestants: list[Contestant], seconds: float, warm_up: int) -> list[Heat]:
        pairs.append([each.name for each in contestants])
        return [Heat(speed, None, {}) for speed in next(speeds)]

    monkeypatch.setattr(harness, "together", together)
    found = [Contestant(name, "module:function", {}) for name in ("first", "second")]
    values = large.compared(found, argparse.Namespace(rounds=2, seconds=1, only=None), warm_up=0)

    assert pairs == [["first", "first"], ["first", "second"], ["first", "second"], ["first", "first"]]
    assert [(each["contestant"], each["ratio"], each["images_per_second_max"]) for each in values] == [
        ("first", 1.0, 8.0),
        ("second", 0.25, 1.0),
    ]


def test_the_backbones_of_the_large_sets_are_timed() -> None:
    names = [each.name for each in large.contestants("arrays.npz", "files.npz")]
    assert names[0] == "resnet50"
    assert {"resnet10", "resnet101", "resnet152", "resnet152_last_block"} < set(names)
