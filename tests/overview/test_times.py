import os
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.persistence.file import FilePersistence

from longtail.overview import times
from longtail.overview.times import Times


@pytest.fixture
def one(tree):
    """The first job of a rule."""
    return lambda rule: next(job for job in tree.jobs() if job.rule == rule)


def test_a_kind_takes_the_median_of_its_jobs(tree: Any, one: Any) -> None:
    evaluated = [job for job in tree.jobs() if job.rule == "evaluate"]
    for job, seconds in zip(evaluated, (2.0, 4.0), strict=True):
        tree.record(job, seconds)

    measured = Times(tree.jobs())

    assert [measured.of(job) for job in evaluated] == [3.0, 3.0]
    assert measured.of(one("make_table")) is None
    assert measured.unknown(map(one, ("evaluate", "make_table"))) == ["1 make_table"]


def test_the_start_of_a_training_is_the_additional_time_of_its_job(tree: Any, one: Any) -> None:
    tree.finish(tree.CE, seconds=10.0)
    tree.finish(tree.MIXUP, seconds=10.0)
    trained = [job for job in tree.jobs() if job.rule == "train_stage1"]
    # One went on where an interruption had left it: its epochs are longer than its job.
    for job, seconds in zip(trained, (14.0, 3.0), strict=True):
        tree.record(job, seconds)

    measured = Times(tree.jobs())

    assert [measured.start(job) for job in trained] == [2.0, 2.0]
    assert measured.start(one("train_stage2")) == 0.0


def test_jobs_of_one_core_share_the_cores_that_a_training_does_not_need(tree: Any, one: Any) -> None:
    light, heavy = one("evaluate"), one("extract_features")
    tree.record(light, 40.0)
    tree.record(heavy, 5.0)

    assert Times(tree.jobs()).left([light, heavy, one("make_table")], light_at_once=4.0) == 40.0 / 4 + 5.0


def test_the_latest_are_enough(tree: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "ENOUGH", 1)
    evaluated = [job for job in tree.jobs() if job.rule == "evaluate"]
    for job, seconds in zip(evaluated, (2.0, 4.0), strict=True):
        tree.record(job, seconds)
    os.utime(times.record_of(times.RECORDS, evaluated[1].outputs[-1]), (0, 0))

    assert Times(tree.jobs()).of(evaluated[1]) == 2.0


def test_a_record_that_is_being_written_is_none(tree: Any, one: Any) -> None:
    job = one("evaluate")
    tree.record(job, 2.0)
    times.record_of(times.RECORDS, job.outputs[-1]).write_text("{")

    assert Times(tree.jobs()).of(job) is None


@pytest.mark.parametrize("path", ["results/tables/own.html", f"results/runs/{'long/' * 120}metrics.json"])
def test_records_are_found_where_snakemake_keeps_them(path: str) -> None:
    longest = SimpleNamespace(_fetch_max_len=lambda _: 255)

    assert str(times.record_of(times.RECORDS, path)) == FilePersistence._record_path(longest, times.RECORDS, path)
