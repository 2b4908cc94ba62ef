import hashlib
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from longtail import imbalance
from longtail.data import long_tail
from longtail.imbalance import class_counts
from longtail.runtime.errors import InputError

# The subsets of LDAM-DRW, MiSLAS, BBN and BagofTricks: classes, images a class, factor, total, smallest class.
SUBSETS = [
    (10, 5000, 200, 11_203, 25),
    (10, 5000, 100, 12_406, 50),
    (10, 5000, 50, 13_996, 100),
    (10, 5000, 10, 20_431, 500),
    (100, 500, 200, 9_502, 2),
    (100, 500, 100, 10_847, 5),
    (100, 500, 50, 12_608, 10),
    (100, 500, 10, 19_573, 50),
]
# Positions, among the images of their class, of the first five that are kept.
FIRST_KEPT = {
    10: {0: [398, 3833, 4836, 4572, 636], 9: [2204, 3816, 2206, 2507, 1926]},
    100: {0: [90, 254, 283, 445, 461], 99: [348, 153, 363, 361, 299]},
}


@pytest.mark.parametrize(("classes", "n_max", "factor", "total", "smallest"), SUBSETS)
def test_size_of_the_published_subsets(classes: int, n_max: int, factor: int, total: int, smallest: int) -> None:
    counts = class_counts(n_max, factor, classes)
    assert sum(counts) == total
    assert min(counts) == counts[-1] == smallest
    assert counts[0] == n_max
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize(("factor", "rounded"), [(200, 9_548), (100, 10_899)])
def test_rounding_would_give_another_subset(factor: int, rounded: int) -> None:
    assert sum(round(500 * (1 / factor) ** (i / 99)) for i in range(100)) == rounded
    assert sum(class_counts(500, factor, 100)) < rounded


@pytest.mark.parametrize(("classes", "n_max", "factor", "total", "smallest"), SUBSETS)
def test_images_of_the_published_subsets(classes: int, n_max: int, factor: int, total: int, smallest: int) -> None:
    labels = np.repeat(np.arange(classes), n_max)
    subset = long_tail.cut(labels, factor, classes, seed=0)
    assert len(subset.indices) == len(set(subset.indices.tolist())) == total
    assert np.bincount(labels[subset.indices]).tolist() == subset.counts
    for label, positions in FIRST_KEPT[classes].items():
        kept = subset.indices[labels[subset.indices] == label] - label * n_max
        assert kept[:5].tolist() == positions[: subset.counts[label]]


def test_only_the_order_within_a_class_matters() -> None:
    labels = np.random.default_rng(5).permutation(np.repeat(np.arange(10), 5000))
    subset = long_tail.cut(labels, 100, 10, seed=0)
    for label, positions in FIRST_KEPT[10].items():
        members = np.flatnonzero(labels == label)
        first = subset.indices[labels[subset.indices] == label][:5]
        assert np.searchsorted(members, first).tolist() == positions


@settings(max_examples=60, deadline=None)
@given(
    classes=st.integers(2, 12),
    n_max=st.integers(5, 60),
    factors=st.tuples(st.floats(1, 60), st.floats(1, 60)),
    seed=st.integers(0, 2**32 - 1),
)
def test_subset_of_a_larger_factor_lies_within_that_of_a_smaller_one(
    classes: Any, n_max: Any, factors: Any, seed: Any
) -> None:
    assume(max(factors) < n_max)
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(classes), n_max))
    wider, narrower = (long_tail.cut(labels, factor, classes, seed) for factor in sorted(factors))
    assert set(narrower.indices) <= set(wider.indices)
    assert np.bincount(labels[narrower.indices], minlength=classes).tolist() == narrower.counts


def test_another_seed_keeps_other_images() -> None:
    labels = np.repeat(np.arange(4), 50)
    first, second = (long_tail.cut(labels, 10, 4, seed) for seed in (0, 1))
    assert first.counts == second.counts
    assert set(first.indices) != set(second.indices)


def test_largest_class_is_what_the_smallest_class_of_the_source_offers() -> None:
    labels = np.repeat([0, 1, 2], [9, 7, 8])
    assert long_tail.cut(labels, 1, 3, seed=0).counts == [7, 7, 7]
    assert long_tail.cut(labels, 4, 3, seed=0, n_max=8).counts == [8, 4, 2]


def test_factors_as_paths_spell_them() -> None:
    labels = np.array([1, 0, 1, 1, 0])
    natural = long_tail.subset(labels, 2, "natural", seed=0, n_max=None)
    assert natural.indices.tolist() == [0, 1, 2, 3, 4]
    assert natural.counts == [2, 3]
    balanced = long_tail.subset(labels, 2, "if1", seed=0, n_max=None)
    assert balanced.counts == [2, 2]
    assert set(balanced.indices[:2]) == {1, 4}
    assert long_tail.subset(labels, 2, "if2", seed=0, n_max=2).counts == [2, 1]


def exactly(n_max, factor, classes):
    """The largest n with n^(K-1) <= n_max^(K-1) · (1/factor)^i, found by halving in whole numbers."""

    def fits(n, i):
        return n ** (classes - 1) * factor.numerator**i <= n_max ** (classes - 1) * factor.denominator**i

    counts = []
    for i in range(classes):
        low, high = 0, n_max + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle, i) else (low, middle)
        counts.append(low)
    return counts


WRITTEN = st.one_of(st.integers(1, 300), st.integers(1, 300).map(lambda x: 1 / x), st.sampled_from([0.015, 2 / 3]))
WRITTEN |= st.decimals("0.0001", "0.9999", places=4).map(float)


@settings(max_examples=300, deadline=None)
@given(n_max=st.integers(1, 5000), classes=st.integers(2, 20), written=WRITTEN)
def test_counts_are_those_of_exact_arithmetic(n_max: Any, classes: Any, written: Any) -> None:
    factor = imbalance.ratio(imbalance.slug(written, "table"))
    expected = exactly(n_max, factor, classes)
    assume(expected[-1] >= 1)
    assert class_counts(n_max, factor, classes) == expected


@pytest.mark.parametrize(
    ("n_max", "written", "smallest"), [(5000, 0.015, 75), (5000, 0.0058, 29), (49, 49, 1), (4900, 49, 100)]
)
def test_the_smallest_class_is_as_large_as_written(n_max: int, written: float, smallest: int) -> None:
    labels = np.repeat(np.arange(3), n_max)
    path = imbalance.slug(written, "table")
    assert long_tail.subset(labels, 3, path, seed=0, n_max=None).counts[-1] == smallest


@pytest.mark.parametrize(("n_max", "classes"), [(5000, 10), (500, 100)])
def test_the_papers_sets_are_those_of_the_formula_in_binary(n_max: int, classes: int) -> None:
    for factor in range(1, n_max + 1):
        binary = [int(n_max * (1.0 / factor) ** (i / (classes - 1.0))) for i in range(classes)]
        assert class_counts(n_max, factor, classes) == binary


def test_thousands_of_classes_are_counted_at_once() -> None:
    assert class_counts(1000, 1, 8142) == [1000] * 8142
    assert class_counts(1000, 1.000000000001, 8142) == [1000] + [999] * 8141


@pytest.mark.parametrize(("n_max", "factor"), [(7, 8), (7, 1000)])
def test_factor_that_empties_a_class_is_refused(n_max: int, factor: int) -> None:
    with pytest.raises(InputError, match=rf"factor {factor} leaves class 2 without images.*below {n_max}"):
        long_tail.cut(np.repeat([0, 1, 2], n_max), factor, 3, seed=0)


def test_source_that_is_too_small_is_refused() -> None:
    with pytest.raises(InputError, match=r"class 1 has 3 training images and factor 2 keeps 5.*n_max to at most 3"):
        long_tail.cut(np.repeat([0, 1], [10, 3]), 2, 2, seed=0, n_max=10)


def test_hash_is_that_of_the_index_list() -> None:
    subset = long_tail.Subset(np.array([3, 1, 2]), [2, 1])
    assert subset.sha256 == hashlib.sha256(struct.pack("<3q", 3, 1, 2)).hexdigest()


def test_subset_survives_its_file(tmp_path: Path) -> None:
    subset = replace(long_tail.cut(np.repeat(np.arange(10), 50), 10, 10, seed=3), content={"train": "0a"})
    long_tail.save(tmp_path / "a.json", subset)
    loaded = long_tail.load(tmp_path / "a.json")
    assert (loaded.counts, loaded.content) == (subset.counts, {"train": "0a"})
    assert loaded.indices.dtype == np.int64
    np.testing.assert_array_equal(loaded.indices, subset.indices)
    long_tail.save(tmp_path / "b.json", loaded)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_changed_index_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "subset.json"
    long_tail.save(path, long_tail.cut(np.repeat(np.arange(3), 9), 3, 3, seed=0))
    stored = json.loads(path.read_text())
    stored["indices"][4] += 1
    path.write_text(json.dumps(stored))
    with pytest.raises(InputError, match=r"subset\.json: the index list does not match its sha256"):
        long_tail.load(path)


def test_subset_of_an_older_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "subset.json"
    long_tail.save(path, long_tail.cut(np.repeat(np.arange(3), 9), 3, 3, seed=0))
    stored = json.loads(path.read_text())
    del stored["content"]
    path.write_text(json.dumps(stored))
    with pytest.raises(InputError, match=r"subset\.json has no 'content': delete the file and run again"):
        long_tail.load(path)


@pytest.mark.parametrize(
    "change",
    [{"counts": [9, 5, 4]}, {"counts": "9"}, {"counts": [9, "5", 3]}, {"indices": [[1]]}, {"indices": [10**30] * 17}],
)
def test_counts_that_are_not_those_of_the_indices_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "subset.json"
    long_tail.save(path, long_tail.cut(np.repeat(np.arange(3), 9), 3, 3, seed=0))
    stored = json.loads(path.read_text())
    assert stored["counts"] == [9, 5, 3]
    path.write_text(json.dumps(stored | change))
    with pytest.raises(InputError, match=r"subset\.json: its counts are not those of its indices: delete the file"):
        long_tail.load(path)


def test_subset_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "subset.json"
    long_tail.save(path, long_tail.cut(np.repeat(np.arange(3), 9), 3, 3, seed=0))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"subset\.json is not readable JSON"):
        long_tail.load(path)


def test_thunews_lt_has_the_papers_total() -> None:
    """LADC, Table 1: 44,723 titles, which only the decay rounded to 0.6 gives (methods card 1.3)."""
    counts = class_counts(18_000, 100, 10, decimals=1)
    assert counts == [18000, 10800, 6480, 3887, 2332, 1399, 839, 503, 302, 181]
    assert sum(counts) == 44_723
    assert sum(class_counts(18_000, 100, 10)) == 44_667
    labels = np.repeat(np.arange(10), 18_000)
    assert long_tail.subset(labels, 10, "if100", 0, 18_000, 1).counts == counts
