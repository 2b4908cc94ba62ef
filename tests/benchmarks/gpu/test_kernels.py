"""Kernels are counted and their times added up, those that overlap once."""

import pytest
from benchmarks.gpu import kernels
from benchmarks.gpu.kernels import Kernel


def test_overlapping_kernels_are_busy_once() -> None:
    ran = [Kernel("a", 0, 4), Kernel("b", 1, 2), Kernel("a", 3, 3), Kernel("c", 10, 1)]
    assert kernels.busy_milliseconds(reversed(ran)) == 7


def test_the_largest_kernels_come_first_with_count_and_time_of_a_step() -> None:
    ran = [Kernel("small", 0, 1), Kernel("large", 1, 4), Kernel("large", 5, 2), Kernel("small", 7, 1)]
    assert kernels.largest(ran, steps=2) == [
        ("large", 1, 3, pytest.approx(0.75)),
        ("small", 1, 1, pytest.approx(0.25)),
    ]


def test_a_table_of_kernels_shortens_names_and_keeps_its_columns() -> None:
    shown = kernels.table([("void f<a|b>(long, arguments)", 2.0, 0.5, 0.25)], width=11)
    assert shown.splitlines()[-1] == "| `void f<a/b>` | 2 | 0.5000 | 25.0 |"
