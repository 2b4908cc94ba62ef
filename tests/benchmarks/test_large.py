"""The backbones of the large sets, on a clock that stands still while others use the processor."""

from benchmarks import harness, large
from benchmarks.harness import Contestant


def test_the_backbones_of_the_large_sets_are_timed_in_processor_time() -> None:
    found = large.contestants("arrays.npz", "files.npz", clock="processor")
    assert found[0].name == "resnet50"
    assert {"resnet10", "resnet101", "resnet152", "resnet152_last_block"} < {each.name for each in found}
    assert {each.clock for each in found} == {"processor"}


def test_waiting_takes_no_processor_time() -> None:
    wall, processor = (
        harness.run(Contestant("toy", "tests.benchmarks.toy:training", {"images": 1}, clock=clock), 0.3, warm_up=1)
        for clock in ("wall", "processor")
    )
    # A step of the toy sleeps for a millisecond.
    assert wall.images_per_second < 1000
    assert processor.images_per_second > 2 * wall.images_per_second
