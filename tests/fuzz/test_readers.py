"""Thousands of damaged files: each is read as it stands, or refused in one sentence that names it.

`python -m tests.fuzz` goes on for longer.
"""

import itertools
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fuzz import runner
from tests.fuzz.readers import READERS, Reader

from longtail.runtime.errors import InputError


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    reader = READERS[name]

    outcomes = Counter(itertools.islice(runner.outcomes(name, tmp_path, seed=0), reader.inputs))

    assert set(outcomes) <= {runner.TAKEN, runner.REFUSED}, "\n".join(outcomes)
    # Else the damage is too great or too small to show anything.
    assert not reader.takes or outcomes[runner.TAKEN] > reader.inputs / 20
    assert not reader.refuses or outcomes[runner.REFUSED] > reader.inputs / 20


def test_a_seed_gives_the_same_files_again(tmp_path: Path) -> None:
    def contents(folder: str, seed: int) -> bytes:
        next(itertools.islice(runner.outcomes("titles", tmp_path / folder, seed), 20, None))
        return b"".join(path.read_bytes() for path in sorted((tmp_path / folder / "titles/damaged").iterdir()))

    assert contents("first", 1) == contents("second", 1) != contents("third", 2)


def fail() -> None:
    raise InputError("a sentence about nothing")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: int("x"), "ValueError"),
        (fail, "names no file"),
        (lambda: warnings.warn("overflow", stacklevel=1), "taken with the warning: overflow"),
        (lambda: time.sleep(60), "Hangs"),
    ],
)
def test_other_exceptions_are_reported_and_their_files_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Callable[[], None], message: str
) -> None:
    monkeypatch.setattr(runner, "SECONDS", 0.2)
    monkeypatch.setitem(READERS, "titles", Reader(1, READERS["titles"].make, wrong))

    outcome = next(runner.outcomes("titles", tmp_path, seed=5))

    assert outcome.startswith(f"{tmp_path}/titles/5-0: ")
    assert message in outcome
    assert message in runner.read(tmp_path / "titles/5-0")
