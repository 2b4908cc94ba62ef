import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest

from longtail.graph import sharing
from longtail.results import TRIALS

COMPUTE: dict[str, Any] = {"threads": 1, "precision": "auto"}
GPU = "NVIDIA H200"
# Images per second of so many trainings together.
RATES = {1: 40_000.0, 2: 60_000.0, 4: 74_000.0, 8: 76_000.0, 16: 70_000.0}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(rates: dict[int, float], file: str = "benchmarks/results/packed.json", **changes: Any) -> None:
    how = changes.pop("how", "MPS")
    base = {"benchmark": "packed", "accelerator": GPU, "threads": 1, "precision": "bfloat16", "peak_memory_bytes": 1}
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(path.read_text()) if path.exists() else []
    made = [
        base | {"processes": number, "contestant": f"{number} ({how})", "images_per_second": rate} | changes
        for number, rate in rates.items()
    ]
    path.write_text(json.dumps(before + made))


@pytest.mark.parametrize(("most", "expected"), [(16, 4), (8, 4), (4, 4), (3, 2), (1, 1)])
def test_the_smallest_number_that_is_about_as_fast_as_the_best(most: int, expected: int) -> None:
    record(RATES)
    assert sharing.chosen(GPU, COMPUTE, most, under_mps=True) == expected


def test_what_was_not_measured_like_this_is_unknown() -> None:
    assert sharing.chosen(GPU, COMPUTE, 16, under_mps=True) is None
    record(RATES)
    assert sharing.chosen("NVIDIA L4", COMPUTE, 16, under_mps=True) is None
    assert sharing.chosen(None, COMPUTE, 16, under_mps=True) is None
    assert sharing.chosen(GPU, COMPUTE, 16, under_mps=False) is None
    assert sharing.chosen(GPU, COMPUTE | {"threads": 2}, 16, under_mps=True) is None
    assert sharing.chosen(GPU, COMPUTE | {"precision": "float32"}, 16, under_mps=True) is None
    assert sharing.chosen(GPU, COMPUTE | {"precision": "bfloat16"}, 16, under_mps=True) == 4


def test_trainings_that_take_turns_are_chosen_by_their_own_records() -> None:
    record(RATES)
    record({1: 40_000.0, 2: 41_000.0, 8: 41_500.0}, how="plain processes")
    assert sharing.chosen(GPU, COMPUTE, 16, under_mps=False) == 1


def test_trainings_in_one_process_and_other_benchmarks_say_nothing() -> None:
    record({1: 40_000.0})
    record({1: 250_000.0}, contestant="8 (one process)", trainings=8)
    record({8: 250_000.0}, benchmark="titles")
    assert sharing.measured(GPU, COMPUTE, under_mps=True) == {1: 40_000.0}


def test_what_needs_more_memory_than_there_is_is_left_out() -> None:
    record({1: 40_000.0, 2: 60_000.0})
    record({8: 76_000.0}, peak_memory_bytes=2**60)
    assert sharing.chosen(GPU, COMPUTE, 16, under_mps=True) == 2


def test_a_trial_holds_for_its_version_of_pytorch() -> None:
    record(RATES, TRIALS, trial=True, versions={"torch": "1.0"})
    assert sharing.chosen(GPU, COMPUTE, 16, under_mps=True) is None
    record({1: 40_000.0, 2: 60_000.0}, TRIALS, trial=True, versions={"torch": importlib.metadata.version("torch")})
    assert sharing.chosen(GPU, COMPUTE, 16, under_mps=True) == 2
