import json
from dataclasses import replace
from typing import Any

import pytest
from tests.devices import Devices

from longtail.overview import speeds
from longtail.overview.speeds import Kind, Machine, Remaining, Speeds, duration

CIFAR = Kind("resnet32", 32)
GPU = {"accelerator": "NVIDIA H200", "benchmark": "packed", "precision": "bfloat16"}
SIXTEEN: list[dict[str, Any]] = [
    GPU | {"precision": "float32", "contestant": "1 (MPS)", "processes": 1, "images_per_second": 50_000.0},
    GPU | {"precision": "float32", "contestant": "16 (MPS)", "processes": 16, "images_per_second": 160_000.0},
]
UNTIMED = [
    "Not yet timed here: resnet32 at 32x32.",
    "`make benchmark` times ResNet-32; the first finished training of a kind times that kind.",
]


def each(tree, **machine) -> float | None:
    found = Speeds(tree.graph, tree.machine(**machine)).of(CIFAR)
    return found and found.each


def test_an_unmeasured_machine_has_no_speed(tree: Any) -> None:
    measured = Speeds(tree.graph, tree.machine())

    assert measured.of(CIFAR) is None
    assert measured.notes(tree.trainings.values()) == UNTIMED


def test_what_was_never_timed_is_guessed_by_the_pixels_of_other_trainings(tree: Any) -> None:
    tree.finish(tree.CE, images=1000, seconds=10.0)
    measured, large = Speeds(tree.graph, tree.machine()), Kind("resnet32", 64)

    assert measured.of(large) is None
    assert (measured.guess(large).each, measured.guess(Kind("bbn_resnet32", 32)).each) == (25, 100)
    assert measured.guess(Kind("textcnn", 32)) is None
    assert measured.guess(large).source == "a guess, from resnet32 at 32x32 on this machine"


def test_finished_trainings_give_their_median(tree: Any) -> None:
    tree.finish(tree.CE, images=1000, seconds=10.0)
    tree.finish(tree.MIXUP, images=3000, seconds=10.0)

    measured = Speeds(tree.graph, tree.machine())

    assert measured.of(CIFAR).each == 200
    assert measured.notes(tree.trainings.values()) == [
        "Speed of resnet32 at 32x32: 200 images/s each (median of 2 trainings finished here)."
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"processor": "Other Processor, 2 cores"},
        {"accelerator": "NVIDIA H200"},
        {"precision": "bfloat16"},
        {"seconds": 0.0},
    ],
)
def test_other_machines_and_precisions_say_nothing_of_this_one(tree: Any, change: dict[str, Any]) -> None:
    tree.finish(tree.CE, **change)

    assert each(tree) is None


def test_another_number_of_threads_is_another_speed(tree: Any) -> None:
    settings = tree.training(tree.CE).settings
    tree.finish(tree.CE, settings=settings | {"compute": settings["compute"] | {"threads": 2}})

    assert each(tree) is None


def test_fewer_cores_of_the_same_processor_are_the_same_processor(tree: Any) -> None:
    tree.finish(tree.CE, processor="Old Processor, 1 cores")

    assert each(tree) == 100


def test_a_gpu_is_known_by_its_name_whatever_the_processor(tree: Any) -> None:
    tree.finish(tree.CE, accelerator="NVIDIA H200", processor="Other Processor, 16 cores")

    assert each(tree, accelerator="NVIDIA H200") == 100
    assert each(tree, accelerator="NVIDIA L4") is None


def test_other_image_sizes_and_backbones_are_other_speeds(tree: Any) -> None:
    tree.finish(tree.CE)

    measured = Speeds(tree.graph, tree.machine())

    assert measured.of(Kind("resnet32", 8)) is None
    assert measured.of(Kind("resnet50", 32)) is None


def test_runs_of_data_sets_that_are_not_defined_here_are_passed_over(tree: Any) -> None:
    record = {"settings": tree.training(tree.CE).settings, "images": 1000, "seconds": 10.0}
    tree.write("birds/natural/resnet32/ce/seed0/stage1", "provenance.json", json.dumps(record))

    assert each(tree) is None


def test_the_benchmark_side_by_side_is_taken_where_there_is_one(tree: Any) -> None:
    tree.benchmark({"processes": 1, "images_per_second": 130.0}, {"processes": 2, "images_per_second": 220.0})

    assert each(tree, side_by_side=1) == 130
    assert each(tree, side_by_side=2) == 110
    # Four were not measured: as fast as each of two.
    assert each(tree, side_by_side=4) == 110
    assert (
        Speeds(tree.graph, tree.machine()).of(CIFAR).source == "benchmark with 2 side by side, testing not included"
    )


def test_of_several_benchmarks_the_median_of_those_that_fit(tree: Any) -> None:
    tree.benchmark(
        *({"processes": 2, "images_per_second": speed} for speed in (200.0, 210.0, 400.0)),
        {"processes": 2, "images_per_second": 1.0, "processor": "Other Processor, 2 cores"},
        {"processes": 2, "images_per_second": 2.0, "image_size": 224},
        {"processes": 2, "images_per_second": 3.0, "precision": "bfloat16"},
        {"processes": 2, "images_per_second": 4.0, "threads": 2},
        {"processes": 2, "images_per_second": 5.0, "benchmark": "loading"},
        {"processes": 2, "images_per_second": 6.0, "contestant": "reference"},
    )

    assert each(tree) == 105


def test_titles_have_a_benchmark_of_their_own(tree: Any) -> None:
    titles = {"benchmark": "titles", "backbone": "textcnn", "processes": 2}
    tree.benchmark(
        titles | {"contestant": "textcnn, side by side, float32", "images_per_second": 3000.0},
        titles | {"contestant": "textcnn, reference", "images_per_second": 900.0},
    )

    assert Speeds(tree.graph, tree.machine()).of(Kind("textcnn", 32)).each == 1500
    assert (str(Kind("textcnn", 32)), Kind("textcnn", 32).unit, Kind("resnet32", 32).unit) == (
        "textcnn",
        "titles",
        "images",
    )


def test_on_a_gpu_the_benchmark_of_steps_as_they_will_run(tree: Any) -> None:
    gpu: dict[str, Any] = {"accelerator": "NVIDIA H200", "processes": 1}
    tree.benchmark(
        gpu | {"contestant": "captured", "images_per_second": 5000.0},
        gpu | {"contestant": "eager", "images_per_second": 3000.0},
    )

    assert each(tree, accelerator="NVIDIA H200", side_by_side=1) == 5000
    tree.graph.registry.config["compute"]["capture"] = False
    assert each(tree, accelerator="NVIDIA H200", side_by_side=1) == 3000


def test_on_gpus_the_benchmark_of_as_many_as_share_one(tree: Any) -> None:
    gpu: dict[str, Any] = {"accelerator": "NVIDIA H200", "benchmark": "packed"}
    tree.benchmark(
        gpu | {"contestant": "1 (MPS)", "processes": 1, "images_per_second": 5000.0},
        gpu | {"contestant": "4 (MPS)", "processes": 4, "images_per_second": 8000.0},
    )

    # Eight GPUs with one training each, and with four each.
    assert each(tree, accelerator="NVIDIA H200", side_by_side=8) == 5000
    assert each(tree, accelerator="NVIDIA H200", side_by_side=32, jobs_per_gpu=4) == 2000


def test_on_gpus_only_trainings_that_share_one_as_jobs_do(tree: Any) -> None:
    gpu: dict[str, Any] = {"accelerator": "NVIDIA H200", "benchmark": "packed", "processes": 8}
    tree.benchmark(
        gpu | {"contestant": "8 (MPS)", "images_per_second": 80_000.0},
        gpu | {"contestant": "8 (plain processes)", "images_per_second": 40_000.0},
        gpu | {"contestant": "8 (one process)", "processes": 1, "trainings": 8, "images_per_second": 250_000.0},
    )

    here: dict[str, Any] = {"accelerator": "NVIDIA H200", "side_by_side": 8, "jobs_per_gpu": 8}
    assert each(tree, **here, under_mps=True) == 10_000
    assert each(tree, **here, under_mps=False) == 5_000


def test_hours_on_a_gpu_with_sixteen_side_by_side(tree: Any) -> None:
    tree.benchmark(*SIXTEEN)
    machine = tree.machine(accelerator="NVIDIA H200", side_by_side=16, jobs_per_gpu=16, side_by_side_alone=1)
    measured = Speeds(tree.graph, machine)
    small = Remaining(replace(tree.training(tree.CE), folder="a"), 1.0)
    passes = 200 * 12406

    assert measured.of(CIFAR).each == 10_000
    # 32 of them are two rounds; together they pass 160,000 images a second.
    many = [Remaining(replace(tree.training(tree.CE), folder=str(number)), 1.0) for number in range(32)]
    assert duration(many, measured, 16) == (pytest.approx(32 * passes / 160_000), True)
    # A single one is as fast as one of sixteen.
    assert duration([small], measured, 16) == (pytest.approx(passes / 10_000), True)


def test_large_trainings_have_a_gpu_each_while_small_ones_share(tree: Any) -> None:
    large = {"backbone": "resnet50", "image_size": 224, "processes": 1, "images_per_second": 2_000.0}
    tree.benchmark(*SIXTEEN, SIXTEEN[0] | large | {"benchmark": "stage1", "contestant": "captured"})
    machine = tree.machine(accelerator="NVIDIA H200", side_by_side=32, jobs_per_gpu=16, side_by_side_alone=2)
    measured = Speeds(tree.graph, machine)
    ce = tree.training(tree.CE)
    settings = ce.settings | {"backbone": "resnet50"}
    setting = replace(ce.setting, backbone="resnet50")
    items = [
        Remaining(replace(ce, folder=str(number), setting=setting, settings=settings, side=224), 1.0)
        for number in range(4)
    ]

    # Four on two GPUs: two after each other at 2,000 images a second.
    assert duration(items, measured, 32) == (pytest.approx(2 * 200 * 12406 / 2_000), True)
    # Where fewer run side by side than GPUs could take, none waits for the others.
    assert duration(items[:1], measured, 1) == (pytest.approx(200 * 12406 / 2_000), True)


@pytest.mark.parametrize(
    ("cores", "gpus", "expected"),
    [(16, 1, (8, 8, 1, True)), (4, 1, (4, 4, 1, True)), (16, 4, (16, 4, 4, True)), (2, 4, (2, 1, 2, True))],
)
def test_auto_takes_as_many_to_a_gpu_as_were_measured(
    tree: Any, devices: Devices, cores: int, gpus: int, expected: tuple[int, ...]
) -> None:
    devices.nvidia(*range(gpus))
    rates = {1: 40_000.0, 2: 50_000.0, 4: 60_000.0, 8: 76_000.0, 16: 77_000.0}
    how = "plain processes"
    tree.benchmark(
        *(GPU | {"contestant": f"{n} ({how})", "processes": n, "images_per_second": r} for n, r in rates.items())
    )
    tree.configure(compute={"device": "auto", "precision": "auto"})

    machine = Machine.here(tree.graph, cores)

    assert (machine.side_by_side, machine.jobs_per_gpu, machine.side_by_side_alone, machine.is_measured) == expected
    assert (machine.precision, str(machine)) == ("bfloat16", "NVIDIA H200")


def test_auto_is_one_to_a_gpu_until_that_is_measured(tree: Any, devices: Devices) -> None:
    devices.nvidia(0)
    tree.configure(compute={"device": "auto"})
    machine = Machine.here(tree.graph, 16)
    assert (machine.side_by_side, machine.is_measured) == (1, False)
    tree.configure(compute={"device": "auto", "jobs_per_gpu": 3})
    machine = Machine.here(tree.graph, 16)
    assert (machine.side_by_side, machine.side_by_side_alone, machine.is_measured) == (3, None, True)


def test_running_then_finished_trainings_come_before_benchmarks(tree: Any) -> None:
    tree.benchmark({"processes": 2, "images_per_second": 220.0})
    assert Speeds(tree.graph, tree.machine()).of(CIFAR).each == 110

    tree.finish(tree.CE)
    assert Speeds(tree.graph, tree.machine()).of(CIFAR).each == 100

    now = Speeds(tree.graph, tree.machine(), running=[(CIFAR, 90.0), (Kind("resnet32", 8), 9000.0)])
    assert (now.of(CIFAR).each, now.of(CIFAR).source) == (90, "1 training running now")


def test_time_of_all_shared_by_those_side_by_side(tree: Any) -> None:
    tree.finish(tree.CE)
    measured = Speeds(tree.graph, tree.machine())
    rest = [Remaining(tree.training(folder), 1.0) for folder in (tree.CE, tree.MIXUP, tree.MISLAS)]

    # 2 x 2,481,200 passes, and 125,440 forwards, at 100 images/s each.
    total = (2 * 2_481_200 + 125_440 / 3) / 100
    assert duration(rest, measured, side_by_side=1) == (pytest.approx(total), True)
    # On four, the longest chain: mixup and MiSLAS on it.
    assert duration(rest, measured, side_by_side=4) == (pytest.approx((2_481_200 + 125_440 / 3) / 100), True)


def test_time_of_what_is_left(tree: Any) -> None:
    tree.finish(tree.CE)
    measured = Speeds(tree.graph, tree.machine())
    rest = [Remaining(tree.training(tree.CE), 0.0), Remaining(tree.training(tree.MIXUP), 0.25)]

    assert rest[1].passes == 620_300
    assert duration(rest, measured, side_by_side=1) == (pytest.approx(6203), True)
    # A running training is believed.
    remaining = [rest[0], Remaining(tree.training(tree.MIXUP), 0.25, seconds=5000.0)]
    assert duration(remaining, measured, side_by_side=1) == (5000, True)


def test_unknown_times_are_not_counted_but_reported(tree: Any) -> None:
    rest = [Remaining(tree.training(tree.CE), 1.0, seconds=60.0), Remaining(tree.training(tree.MIXUP), 1.0)]

    assert duration(rest, Speeds(tree.graph, tree.machine()), side_by_side=1) == (60, False)
    assert duration(rest[:1], Speeds(tree.graph, tree.machine()), side_by_side=1) == (60, True)


def test_as_many_side_by_side_as_cores_allow(tree: Any) -> None:
    compute = tree.graph.registry.config["compute"]
    for threads, cores, expected in ((1, 2, 2), (2, 5, 2), (4, 2, 1)):
        compute["threads"] = threads
        machine = Machine.here(tree.graph, cores)
        assert (machine.side_by_side, machine.accelerator) == (expected, None)


def test_bfloat16_is_seen_as_the_training_sees_it() -> None:
    from longtail.engine import device

    assert speeds._computes_bfloat16() is device.computes_bfloat16()
