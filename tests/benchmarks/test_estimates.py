"""Seconds of jobs, against sums by hand."""

from pathlib import Path
from typing import Any

import pytest
from benchmarks import estimates, grid
from benchmarks.estimates import Rates
from benchmarks.grid import Node
from tests.small_settings import STAGE1, STAGE2, changed, plain

from longtail.config.plan import Setting
from longtail.graph.costs import Training
from longtail.overview.speeds import Kind
from longtail.runtime import files
from longtail.runtime.errors import InputError

SMALL, LARGE = Kind("resnet32", 32), Kind("resnet50", 224)
RATES = Rates({SMALL: 0.003, LARGE: 0.03}, {"training": 0.02, "test": 0.05}, 0.001)
GIVEN: dict[str, Any] = {
    "cited": {"resnet50_images_per_second": 2000},
    "assumed": {
        "kernels_a_step": 300,
        "microseconds_a_kernel": {"slow": 40, "fast": 4},
        "batch": 120,
        "seconds": {"download": 60, "evaluate, large sets": 30, "other": 10},
    },
}
RECIPE = {"epochs": 4, "batch_size": 10, "batches": "floor", "evaluate": {"every": 2, "each_from": 3}}


def training(stage: int = 1, dataset: str = "cifar10", **settings: Any) -> Training:
    """On 105 images, of which 100 fill batches: four epochs, tested after the last three."""
    kind = LARGE if dataset in grid.LARGE else SMALL
    whole = plain(changed(STAGE1 if stage == 1 else STAGE2, recipe=RECIPE, **settings))
    return Training("", stage, Setting(dataset, "natural", kind.backbone), whole, "", 105, kind.side)


def test_a_stage_1_trains_and_tests_after_some_epochs() -> None:
    assert estimates.stage1(training(), RATES) == pytest.approx(400 * 0.003 + 3 * 10_000 * 0.001)


def test_a_dearer_step_counts_as_its_algorithm_declares() -> None:
    bbn = training(algorithm={"name": "bbn"})
    assert estimates.stage1(bbn, RATES) == pytest.approx(800 * 0.003 + 3 * 10_000 * 0.001)


def test_images_in_files_come_no_faster_than_they_are_decoded() -> None:
    streamed = training(dataset="imagenet_lt")
    # A training image waits for the network (0.03 s), a test image (0.01 s of network) for its decoding.
    assert estimates.stage1(streamed, RATES) == pytest.approx(400 * 0.03 + 3 * 50_000 * 0.05)
    assert estimates.features(streamed, RATES) == pytest.approx((105 + 2 * 50_000) * 0.05)


def test_a_stage_2_learns_on_rows_of_features_or_on_images_through_the_frozen_network() -> None:
    assert estimates.stage2(training(2, augment=False), RATES) == pytest.approx(400 * 0.001)
    assert estimates.stage2(training(2), RATES) == pytest.approx(400 * 0.001)
    assert estimates.stage2(training(2, dataset="imagenet_lt"), RATES) == pytest.approx(400 * 0.02)


def test_the_tests_of_shifted_batch_norm_pass_the_network() -> None:
    shifted = training(2, batch_norm="shifted")
    assert estimates.stage2(shifted, RATES) == pytest.approx((400 + 3 * 10_000) * 0.001)


def test_a_speed_that_nobody_recorded_is_missed() -> None:
    with pytest.raises(InputError, match="no speed of resnet32 at 32x32"):
        estimates.stage1(training(), Rates({}, RATES.decoding, 0.0))


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A folder of records, as the programs write them."""
    on_cpu: dict[str, Any] = {"accelerator": None}
    backbones = [
        on_cpu | {"contestant": name, "backbone": name, "image_size": 224, "ratio": ratio, "images_per_second": 4.0}
        for name, ratio in (("resnet50", 1.0), ("resnet10", 4.0))
    ]
    decoding = [
        on_cpu | {"contestant": f"decoding {split} images", "ratio": 9.0, "images_per_second": rate}
        for split, rate in (("training", 200.0), ("test", 100.0))
    ]
    files.write_json(tmp_path / "large.json", backbones + decoding)
    cached = on_cpu | {"contestant": "cifar, cached features", "images_per_second": 1000.0}
    files.write_json(tmp_path / "stage2.json", [cached])
    return tmp_path


def test_rates_are_those_of_the_records_and_of_what_is_given(recorded: Path) -> None:
    slow, fast = (Rates.of(pace, GIVEN, 4, recorded) for pace in estimates.PACES)
    # 300 kernels of 40 µs for 120 images, and ResNet-10 four times as fast as the 2000 of ResNet-50.
    assert slow.steps == pytest.approx({SMALL: 1e-4, LARGE: 1 / 2000, Kind("resnet10", 224): 1 / 8000})
    assert fast.steps == pytest.approx(slow.steps | {SMALL: 1e-5})
    assert slow.decoding == pytest.approx({"training": 1 / 800, "test": 1 / 400})
    assert fast.decoding == {"training": 0, "test": 0}
    assert slow.features == 0.001


def test_a_gpu_that_was_recorded_takes_the_place_of_what_is_given(recorded: Path) -> None:
    common = {"accelerator": "some GPU", "backbone": "resnet32", "image_size": 32}
    stage1 = [
        common | {"contestant": name, "images_per_second": rate}
        for name, rate in (("reference", 10.0), ("captured", 20_000.0), ("eager", 5000.0))
    ]
    files.write_json(recorded / "stage1.json", stage1)
    of_large = [
        common | {"contestant": "resnet50", "backbone": "resnet50", "image_size": 224, "images_per_second": 900}
    ]
    files.write_json(recorded / "large.json", [*files.read_json(recorded / "large.json"), *of_large])

    for pace in estimates.PACES:
        steps = Rates.of(pace, GIVEN, 4, recorded).steps
        assert steps == pytest.approx({SMALL: 1 / 20_000, LARGE: 1 / 900, Kind("resnet10", 224): 1 / 8000})


def test_jobs_keep_what_they_need_and_only_those_of_a_network_take_a_gpu(tmp_path: Path) -> None:
    at = {"dataset": "cifar10", "imbalance": "if100", "backbone": "resnet32", "stage1": "ce", "seed": "0"}
    nodes = [
        Node("fetched", "download", {"dataset": "cifar10"}, (), frozenset({"cifar10"})),
        Node("network", "train_stage1", at, ("fetched",), frozenset({"cifar10"})),
        Node("classifier", "train_stage2", at | {"method": "crt"}, ("network",), frozenset({"cifar10"})),
        Node("scores", "evaluate", at | {"method": "crt"}, ("classifier",), frozenset({"cifar10"})),
        Node("large", "evaluate", {}, (), frozenset({"places_lt"})),
        Node("drawn", "draw_reliability", {}, ("scores",), frozenset({"cifar10"})),
        Node("table", "make_table", {}, ("scores",), frozenset({"cifar10"})),
    ]
    measured = {"draw_reliability, digits": 1.5, "evaluate, digits": 0.2}
    record = [{"accelerator": None, "contestant": name, "seconds": value} for name, value in measured.items()]
    files.write_json(tmp_path / "jobs.json", record)
    base = "cifar10/if100/resnet32/ce/seed0"
    trainings = {f"{base}/stage1": training(), f"{base}/crt": training(2)}
    jobs = {job.name: job for job in estimates.jobs(nodes, trainings, RATES, GIVEN, tmp_path)}

    assert {name: int(job.gpus) for name, job in jobs.items()} == {
        "fetched": 0,
        "network": 1,
        "classifier": 1,
        "scores": 0,
        "large": 0,
        "drawn": 0,
        "table": 0,
    }
    assert {name for name, job in jobs.items() if job.local} == {"fetched", "drawn", "table"}
    # A job that is submitted has ten times the images of the digits, or more: what was measured holds for local ones.
    assert [jobs[name].seconds for name in ("drawn", "table")] == [1.5, 10]
    assert [jobs[name].seconds for name in ("fetched", "scores", "large")] == [60, 10, 30]
    assert jobs["network"].seconds == estimates.stage1(training(), RATES)
    assert jobs["classifier"].seconds == estimates.stage2(training(2), RATES)
    assert jobs["scores"].needs == ("classifier",)
