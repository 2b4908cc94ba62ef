"""The trial's order and end, without trainings, and a short one with them, which train on the CPU."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks import harness, trial
from benchmarks.harness import Contestant, Heat
from tests.devices import Devices

from longtail.graph import sharing
from longtail.results import TRIALS


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """Images per second that a heat of so many trainings has."""
    given: dict[int, float] = {}

    def growing(contestants: list[Contestant], seconds: float, warm_up: int) -> Iterator[tuple[Contestant, Heat]]:
        for each in contestants:
            yield each, Heat(given[each.processes], 1, {"precision": "bfloat16", "threads": 1})

    monkeypatch.setattr(harness, "growing", growing)
    monkeypatch.setattr(trial.mps, "is_running", lambda: True)
    return given


def tried(most: int) -> list[str]:
    return [contestant.name for contestant, _ in trial.heats({}, most)]


def test_more_and_more_trainings_are_tried_until_they_are_no_faster_together(rates: dict[int, float]) -> None:
    rates |= {1: 40.0, 2: 60.0, 4: 75.0, 8: 76.0, 16: 90.0}
    assert tried(16) == ["1 (MPS)", "2 (MPS)", "4 (MPS)", "8 (MPS)"]
    assert tried(2) == ["1 (MPS)", "2 (MPS)"]
    rates[2] = 30.0
    assert tried(16) == ["1 (MPS)", "2 (MPS)"]


def test_no_more_are_tried_after_its_time(rates: dict[int, float], monkeypatch: pytest.MonkeyPatch) -> None:
    rates |= {1: 40.0, 2: 60.0, 4: 75.0}
    clock = iter([0.0, 10.0, 50.0])
    monkeypatch.setattr(trial.time, "monotonic", lambda: next(clock))
    assert tried(16) == ["1 (MPS)", "2 (MPS)"]


def test_records_of_other_gpus_and_versions_stay(tmp_path: Path) -> None:
    def record(rate: float, **changes: Any) -> dict[str, Any]:
        base = {"accelerator": "NVIDIA H200", "versions": {"torch": "2.9"}, "threads": 1, "precision": "bfloat16"}
        return base | {"contestant": "1 (MPS)", "images_per_second": rate} | changes

    path = tmp_path / "gpu/packed.json"
    others = [record(1.0, accelerator="NVIDIA L4"), record(2.0, versions={"torch": "2.8"}), record(3.0, threads=2)]
    others.append(record(4.0, contestant="1 (plain processes)"))
    trial.write(path, [*others, record(5.0), record(6.0, contestant="16 (MPS)")])
    trial.write(path, [record(7.0)])
    assert json.loads(path.read_text()) == [*others, record(7.0)]


def test_its_records_are_those_of_the_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SECONDS", 0.1)
    monkeypatch.setattr(trial, "WARM_UP", 1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    Devices(tmp_path, monkeypatch).nvidia(0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    options = ["--most", "1", "--precision", "float32", "--record", TRIALS]
    monkeypatch.setattr("sys.argv", ["trial", *options])
    monkeypatch.chdir(tmp_path)
    trial.main()
    compute = {"threads": 1, "precision": "float32"}
    assert sharing.chosen("NVIDIA H200", compute, 16, under_mps=False) == 1
