import pytest

from longtail import head_set
from longtail.data.long_tail import class_counts
from longtail.runtime.errors import InputError


@pytest.mark.parametrize(
    ("n_max", "classes", "factor", "heads"),
    [
        *[(5000, 10, factor, heads) for factor, heads in [(200, 2), (100, 2), (50, 3), (10, 4)]],
        *[(500, 100, factor, heads) for factor, heads in [(200, 17), (100, 20), (50, 23), (10, 34)]],
    ],
)
def test_head_sets_of_the_published_subsets(n_max: int, classes: int, factor: int, heads: int) -> None:
    counts = class_counts(n_max, factor, classes)
    assert head_set.choose(counts, "share", 0.6).tolist() == list(range(heads))


@pytest.mark.parametrize(
    ("rule", "size", "heads"),
    [
        ("share", 0.3, [1]),
        ("share", 0.5, [1, 3]),
        ("share", 0.7, [1, 3, 4]),
        ("share", 0.85, [1, 3, 4, 0]),
        ("top_k", 1, [1]),
        ("top_k", 4, [1, 3, 4, 0]),
        ("top_k", 4.0, [1, 3, 4, 0]),
    ],
)
def test_the_largest_classes_wherever_they_stand(rule: str, size: float, heads: list[int]) -> None:
    assert head_set.choose([5, 20, 5, 20, 10], rule, size).tolist() == heads


def test_a_share_that_is_met_exactly_is_enough() -> None:
    assert 0.55 * 100 > 55  # in floating point
    assert head_set.choose([55, 45], "share", 0.55).tolist() == [0]


@pytest.mark.parametrize(
    ("counts", "rule", "size", "says"),
    [
        ([60, 30, 10], "share", 0.95, r"is 0.95, which with head_rule 'share' makes every class a head class"),
        ([60, 30, 10], "share", 1, r"is 1, .* leaves no tail class: lower it"),
        ([60, 30, 10], "share", 60, r"is 60, .* leaves no tail class: lower it"),
        ([60, 30, 10], "top_k", 3, r"is 3, which with head_rule 'top_k' makes every class a head class"),
        ([60, 30, 10], "top_k", 0.6, r"is 0.6, but .* 'top_k' counts classes: write a whole number from 1 to 2"),
        ([60, 30, 10], "top_k", 1.5, r"is 1.5, .* a whole number from 1 to 2"),
        ([60, 30, 0], "top_k", 2, r"is 2, .* leaves no tail class"),
    ],
)
def test_unusable_head_sets_are_named(counts: list[int], rule: str, size: float, says: str) -> None:
    with pytest.raises(InputError, match=says) as error:
        head_set.choose(counts, rule, size)
    assert str(error.value).startswith("head_size is ")
