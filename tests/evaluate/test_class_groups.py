import numpy as np
import pytest

from longtail.evaluate.class_groups import class_groups


def groups(counts: list[int], untested: tuple[int, ...] = ()) -> dict[str, list[int]]:
    tested = np.isin(np.arange(len(counts)), untested, invert=True)
    return {group.name: np.flatnonzero(group.classes).tolist() for group in class_groups(np.array(counts), tested)}


def test_the_papers_groups_where_two_of_them_hold_a_class() -> None:
    assert groups([500, 101, 100, 20, 19]) == {"Many (> 100)": [0, 1], "Medium (20–100)": [2, 3], "Few (< 20)": [4]}
    assert groups([500, 5, 30], untested=(2,)) == {"Many (> 100)": [0], "Few (< 20)": [1]}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (
            [900, 800, 700, 600, 500, 400],
            {"Head (800–900)": [0, 1], "Medium (600–700)": [2, 3], "Tail (400–500)": [4, 5]},
        ),
        ([2000, 300], {"Head (2,000)": [0], "Tail (300)": [1]}),
        ([80, 60, 60, 60, 60], {"Head (80)": [0], "Tail (60)": [1, 2, 3, 4]}),  # equally large ones stay together
        ([80, 80, 80, 60], {"Head (80)": [0, 1, 2], "Tail (60)": [3]}),
        ([50, 50, 50], {}),
        ([7], {}),
    ],
)
def test_thirds_where_all_classes_are_in_one_of_them(counts: list[int], expected: dict[str, list[int]]) -> None:
    assert groups(counts) == expected


def test_the_papers_groups_need_classes_that_are_tested() -> None:
    assert groups([500, 400, 5], untested=(2,)) == {"Head (500)": [0], "Tail (400)": [1]}
    assert groups([500, 5], untested=(0, 1)) == {}
