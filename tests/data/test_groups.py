import numpy as np
import pytest

from longtail.data import groups
from longtail.runtime.errors import InputError

TRACK = r"^(\d+)_"


def test_a_group_is_what_the_rule_finds_within_a_class() -> None:
    keys = groups.keys(TRACK, ["00_1.jpg", "00_2.jpg", "01_1.jpg", "00_1.jpg"])

    assert keys == ["00", "00", "01", "00"]
    # The last image has the key of the first, but another class.
    assert groups.numbered(keys, np.array([0, 0, 0, 1])).tolist() == [0, 0, 1, 2]


def test_some_images_of_a_group_are_spread_over_it() -> None:
    names = [f"7_{frame:02}.jpg" for frame in range(30)] + ["8_00.jpg"]

    assert groups.thinned(TRACK, names, 3) == [5, 15, 25, 30]
    assert groups.thinned(TRACK, names, 99) == list(range(31))


@pytest.mark.parametrize(
    ("rule", "said"),
    [("^(", "is no regular expression"), (r"^\d+_", "has no group: put what names one in parentheses")],
)
def test_a_rule_that_is_none_is_refused(rule: str, said: str) -> None:
    with pytest.raises(InputError, match=f"mine, key 'group': .*{said}"):
        groups.check(rule, "mine")


def test_a_rule_that_matches_nothing_or_makes_one_group_of_each_class_is_refused() -> None:
    with pytest.raises(InputError, match=r"matches 1 of 2 names of training images, and not 'cat.jpg'"):
        groups.check_names(TRACK, {"a": ["0_1.jpg", "cat.jpg"]}, "mine")
    with pytest.raises(InputError, match="makes one group of each class"):
        groups.check_names(TRACK, {"a": ["0_1.jpg", "0_2.jpg"], "b": ["3_1.jpg"]}, "mine")

    groups.check_names(TRACK, {"a": ["0_1.jpg", "1_1.jpg"], "b": ["3_1.jpg"]}, "mine")
