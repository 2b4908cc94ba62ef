from fractions import Fraction

import numpy as np
import pytest

from longtail.data import long_tail, splits
from longtail.data.forms.files import Files
from longtail.data.forms.titles import Titles
from longtail.runtime.errors import InputError

# Two classes of 40 and 20 images in groups of 5.
LABELS = np.repeat([0, 1], [40, 20])
MEMBERS = np.arange(60) // 5
SETTINGS = {"imbalance": "natural", "seed": 0, "n_max": None}


def data(tmp_path) -> Files:
    files = np.array([f"{group:02}_{image}.jpg" for image, group in enumerate(MEMBERS)])
    return Files(str(tmp_path), files, files[:2], LABELS, np.array([0, 1]), ["a", "b"])


def groups_divided(kept) -> set[int]:
    return set(MEMBERS[kept]) & set(np.delete(MEMBERS, kept))


def test_without_groups_and_validation_a_subset_is_what_it_always_was(tmp_path) -> None:
    for imbalance in ("natural", "if2"):
        settings = SETTINGS | {"imbalance": imbalance}
        expected = long_tail.subset(LABELS, 2, **settings)
        assert splits.subset(data(tmp_path), settings, {}).indices.tolist() == expected.indices.tolist()


def test_a_validation_split_is_a_share_of_each_class_that_the_subset_leaves_out(tmp_path) -> None:
    subset = splits.subset(data(tmp_path), SETTINGS | {"validation": 0.1}, {})

    assert subset.counts == [36, 18]
    assert np.bincount(LABELS[subset.indices]).tolist() == [36, 18]
    again = splits.subset(data(tmp_path), SETTINGS | {"validation": 0.1}, {})
    assert again.sha256 == subset.sha256


def test_a_validation_split_takes_whole_groups_and_never_the_last() -> None:
    held = splits.validation(LABELS, MEMBERS, 0.2, 0, ["a", "b"])
    assert np.bincount(LABELS[held]).tolist() == [5, 5]  # of 8 and of 4
    assert groups_divided(np.flatnonzero(held)) == set()

    one = splits.validation(LABELS[:7], np.array([0] * 5 + [1] * 2), 0.99, 0, ["a", "b"])
    assert one.sum() in (2, 5)


def test_a_class_of_one_group_gives_none_to_validation(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    held = splits.validation(LABELS[38:], np.array([0, 0, *range(1, 21)]), 0.5, 0, ["a", "b"])

    assert np.bincount(LABELS[38:][held], minlength=2).tolist() == [0, 10]
    assert "class 'a' has a single group" in caplog.text


def test_a_cut_keeps_whole_groups_and_smaller_cuts_are_within_larger_ones() -> None:
    small, large = (
        splits.cut_groups(LABELS, MEMBERS, Fraction(factor), ["a", "b"], {"seed": 0, "n_max": None})
        for factor in (4, 2)
    )

    # At most 20 and 5, at most 20 and 10.
    assert (small.counts, large.counts) == ([20, 5], [20, 10])
    assert groups_divided(small.indices) == groups_divided(large.indices) == set()
    assert set(small.indices) < set(large.indices)


def test_a_cut_below_the_size_of_a_group_is_refused() -> None:
    with pytest.raises(InputError, match="class 'b' has a first group of 5 images and factor 10 keeps 2: lower"):
        splits.cut_groups(LABELS, MEMBERS, Fraction(10), ["a", "b"], {"seed": 0, "n_max": None})


def test_equal_titles_are_on_one_side_of_a_split() -> None:
    titles = np.repeat(np.arange(20, dtype=np.int32), 2)[:, None]
    labels = np.repeat([0, 1], 20)
    vectors, characters = np.zeros((20, 2), np.float32), np.array(list("abcdefghijklmnopqrst"))
    held = Titles(
        titles,
        labels,
        titles[:1],
        labels[:1],
        titles[:0],
        labels[:0],
        vectors,
        ["a", "b"],
        characters,
    )

    kept = splits.subset(held, SETTINGS | {"validation": 0.3}, {}).indices

    assert 20 < len(kept) < 40
    assert set(titles[kept, 0]) & set(np.delete(titles[:, 0], kept)) == set()
