"""Workers really run; no test looks at how fast."""

import argparse
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from benchmarks import harness
from benchmarks.harness import Contestant, Heat

from longtail.runtime.errors import InputError

TOY = Contestant("toy", "tests.benchmarks.toy:training", {"images": 3}, processes=2)


def test_heats_side_by_side_add_up_their_processes_and_keep_their_facts() -> None:
    small = Contestant("small", "tests.benchmarks.toy:training", {"images": 1})
    toys, smalls = harness.together([TOY, small], seconds=0.2, warm_up=2)
    # Steps of three images in two processes, and of one in one: six to one, give or take what else the machine does.
    assert toys.images_per_second > smalls.images_per_second > 0
    assert toys.facts["image_size"] == 8
    assert toys.facts["threads"] >= 1


def test_processes_that_are_added_count_with_those_before() -> None:
    counts = (1, 3)
    contestants = [replace(TOY, name=str(count), processes=count) for count in counts]
    (one, alone), (three, many) = harness.growing(contestants, seconds=0.1, warm_up=2)
    assert (one.name, three.name) == ("1", "3")
    assert min(alone.images_per_second, many.images_per_second) > 0
    if alone.peak_memory_bytes and many.peak_memory_bytes:
        assert many.peak_memory_bytes > 2 * alone.peak_memory_bytes


def test_in_turn_one_that_fails_does_not_end_the_others() -> None:
    broken = Contestant("broken", "tests.benchmarks.toy:broken", {})
    found = list(harness.in_turn([broken, replace(TOY, processes=1)], seconds=0.1, warm_up=0))
    assert [contestant.name for contestant, _ in found] == ["broken", "toy"]
    (_, error), (_, heat) = found
    assert "no such data" in str(error)
    assert isinstance(heat, Heat)
    assert heat.images_per_second > 0


def test_a_worker_that_fails_is_quoted() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)broken ended early.*no such data"):
        harness.run(Contestant("broken", "tests.benchmarks.toy:broken", {}), seconds=0.1, warm_up=0)


def test_the_ratio_is_the_median_over_rounds_of_ratios_within_a_round() -> None:
    def heats(*speeds: float) -> list[Heat]:
        return [Heat(speed, 10 * index, {"precision": "float32"}) for index, speed in enumerate(speeds, start=1)]

    # 300/100, 210/300, 400/200: the quotient of the medians would be 1.5.
    found = harness.summary(heats(300, 210, 400), heats(100, 300, 200))
    assert found == {
        "precision": "float32",
        "rounds": 3,
        "images_per_second": 300,
        "images_per_second_min": 210,
        "images_per_second_max": 400,
        "ratio": 2.0,
        "peak_memory_bytes": 30,
    }


def test_memory_that_no_round_could_read_stays_unknown() -> None:
    heats = [Heat(1.0, None, {})]
    assert harness.summary(heats, heats)["peak_memory_bytes"] is None


def test_every_other_round_goes_backwards_and_only_keeps_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def run(contestant: Contestant, seconds: float, warm_up: int) -> Heat:
        ran.append(contestant.name)
        return Heat(1.0, None, {})

    monkeypatch.setattr(harness, "run", run)
    three = [Contestant(name, "", {}) for name in "abc"]
    harness.compete(three, argparse.Namespace(rounds=2, seconds=1.0, only=None), warm_up=0)
    assert ran == ["a", "b", "c", "c", "b", "a"]
    values = harness.compete(three, argparse.Namespace(rounds=1, seconds=1.0, only=["c"]), warm_up=0)
    assert [each["contestant"] for each in values] == ["a", "c"]
    with pytest.raises(InputError, match="no contestant 'd'"):
        harness.compete(three, argparse.Namespace(rounds=1, seconds=1.0, only=["d"]), warm_up=0)


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="/proc does not tell")
def test_peak_memory_remembers_what_was_freed_and_counts_forked_pages_once() -> None:
    program = """
import os
freed = b"x" * 80_000_000
del freed
held = b"x" * 60_000_000
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.read(reading, 1)
    os._exit(0)
print("ready", flush=True)
input()
os.write(writing, b"x")
os.waitpid(child, 0)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        peak = harness.peak_memory(process.pid)
        process.communicate("\n")
    assert peak is not None
    # 80 MB at its peak; the 60 MB that both hold are half each one's. Python itself is about 10 MB.
    assert 80e6 < peak < 120e6
