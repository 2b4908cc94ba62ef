"""What is simulated of the grid, and that the record is of the assumptions that stand in scale.yaml."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from benchmarks import scale
from benchmarks.grid import Node
from benchmarks.simulator import Checks, Cluster, Job

from longtail.config import schema
from longtail.runtime import files

ONE = Fraction(1)
SMALL = Job("train_stage1 backbone=resnet32 dataset=cifar10 seed=0", 100.0, gpus=ONE)
LARGE = Job("train_stage1 backbone=resnet50 dataset=inaturalist2018 seed=0", 800.0, gpus=ONE)
TABLE = Job("make_table table=t", 10.0, (SMALL.name, LARGE.name))


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """What is recorded."""
    found: dict[str, Any] = files.read_json(scale.RECORD)
    return found


def test_a_block_has_the_jobs_of_its_data_sets_alone() -> None:
    datasets = [{"cifar10"}, {"inaturalist2018"}, {"cifar10", "inaturalist2018"}]
    jobs = [SMALL, LARGE, TABLE]
    nodes = [Node(job.name, "", {}, (), frozenset(names)) for job, names in zip(jobs, datasets, strict=True)]
    assert scale.block(jobs, nodes, {"cifar10", "cifar100"}) == [SMALL]
    assert scale.block(jobs, nodes, scale.BLOCKS["everything"]) == jobs


def test_a_summary_of_three_jobs() -> None:
    found = scale.summary("some", "slow", [SMALL, LARGE, TABLE], Cluster(1, queue=5, startup=10))
    # 5 + (10 + 100) + (10 + 800) + 5 + 10 + 10 on one, 5 + 810 + 25 on more.
    assert found["makespan"] == {"1": 950, "8": 840, "64": 840}
    assert (found["chain_seconds"], [each["job"] for each in found["chain"]]) == (840, [LARGE.name, TABLE.name])
    assert (found["gpu_seconds"], found["gpu_jobs"], found["jobs"]) == (920, 2, 3)
    assert (found["enough"], found["most_attempts"]) == (2, 1)


def test_variants_change_what_they_say() -> None:
    given = {
        "cited": {"resnet50_images_per_second": 100, "resnet50_images_per_second_on_8": 400},
        "assumed": {"trainings_on_a_gpu": 4},
    }
    where = Cluster(1, queue=5, startup=10, checks=Checks(40, 10, 180))
    found = scale.variants("some", "slow", [SMALL, LARGE, TABLE], given, where)
    slow = {each["variant"]: each["makespan"]["64"] for each in found}

    assert slow["an end is known at once"] == 840
    assert slow["as above"] >= slow["no queue and no start-up"] >= 810
    assert slow["8 GPUs and 8 times the decoding for a Stage 1 of iNaturalist"] < 800 / 2
    assert slow["as above"] == slow["4 CIFAR trainings on a GPU"] == slow["longest chain first"]


def test_what_changes_nothing_is_no_variant() -> None:
    given = {
        "cited": {"resnet50_images_per_second": 100, "resnet50_images_per_second_on_8": 400},
        "assumed": {"trainings_on_a_gpu": 4},
    }
    found = scale.variants("some", "slow", [Job("make_table", 10.0)], given, Cluster(1))
    names = {each["variant"] for each in found}
    assert names == {"as above", "1,000 jobs submitted at a time", "stopped after 8 hours"}


def test_only_small_networks_share_and_only_inaturalist_spreads() -> None:
    quarter = Fraction(1, 4)
    assert [scale._sharing(job, quarter).gpus for job in (SMALL, LARGE, TABLE)] == [quarter, 1, 0]
    spread = [scale._spread(job, 4.0) for job in (SMALL, LARGE, TABLE)]
    assert spread == [SMALL, Job(LARGE.name, 200.0, gpus=Fraction(8)), TABLE]


def test_a_job_starts_snakemake_twice_and_imports_once(tmp_path: Path) -> None:
    files.write_json(tmp_path / "graph.json", [_seconds("one file, profile default", 4.0)])
    files.write_json(tmp_path / "startup.json", [_seconds("first step of train_stage1", 3.5)])
    given = schema.read_yaml(scale.GIVEN)
    made = scale.cluster(given, tmp_path)
    assert made.startup == 11.5
    assert (made.checks, made.walltime) == (Checks(40, 10, 180), given["assumed"]["walltime_hours"] * 3600)


def test_the_record_is_of_what_is_given_now(record: dict[str, Any]) -> None:
    assert record["given"] == schema.read_yaml(scale.GIVEN)
    assert [each["block"] for each in record["blocks"]] == [*scale.BLOCKS] * 2
    assert record["startup"] == scale.cluster(record["given"]).startup


def test_the_record_obeys_the_bounds(record: dict[str, Any]) -> None:
    for found in record["blocks"]:
        for count, seconds in found["makespan"].items():
            assert seconds >= max(found["chain_seconds"], found["gpu_seconds"] / int(count))
    slow, fast = ([each for each in record["blocks"] if each["pace"] == pace] for pace in ("slow", "fast"))
    assert all(first["gpu_seconds"] > second["gpu_seconds"] for first, second in zip(slow, fast, strict=True))


def _seconds(contestant: str, seconds: float) -> dict[str, Any]:
    return {"accelerator": None, "contestant": contestant, "seconds": seconds}
