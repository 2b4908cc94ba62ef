import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from longtail.evaluate.ranking import CRITERIA, Network
from longtail.evaluate.standing import Runs, Standing, holm, standing

IMAGES = 400
TOP1, ECE = CRITERIA["top1"], CRITERIA["ece"]


def network(value: float, images: np.ndarray | None = None, correct: np.ndarray | None = None) -> Network:
    """A network of which every criterion has a value, and these deviations from it in each resample."""
    drawn = value + (np.zeros(2) if images is None else images)
    right = np.zeros(IMAGES) if correct is None else correct
    return Network(
        np.zeros(IMAGES, int), right, right, dict.fromkeys(CRITERIA, value), dict.fromkeys(CRITERIA, drawn)
    )


def method(*values: float) -> Runs:
    return {seed: network(value) for seed, value in enumerate(values)}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_largest_of_what_its_steps_require(p_values: list[float]) -> None:
    """By its definition: the i-th smallest p is multiplied by the number of those that are not smaller."""
    corrected, order = holm(p_values), np.argsort(p_values, kind="stable")
    for place, test in enumerate(order):
        steps = [min(1.0, (len(order) - i) * p_values[order[i]]) for i in range(place + 1)]
        assert corrected[test] == max(steps)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_two_methods_over_seeds_alone_are_a_paired_t_test() -> None:
    """Nothing varies over images here, so that the textbook has the answer."""
    one, other = [0.80, 0.84, 0.83, 0.81], [0.78, 0.79, 0.80, 0.80]

    found = standing([method(*one), method(*other)], TOP1)

    expected = stats.ttest_rel(one, other)
    compared = found.comparisons[0, 1]
    assert compared.difference == pytest.approx(np.mean(one) - np.mean(other))
    assert compared.p == pytest.approx(expected.pvalue, rel=1e-6)
    assert (compared.low, compared.high) == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-6)
    back = found.comparisons[1, 0]
    assert (back.difference, back.low, back.high) == (-compared.difference, -compared.high, -compared.low)


def test_one_seed_leaves_the_spread_over_images() -> None:
    """Of a hundred images that tell the two apart."""
    rng = np.random.default_rng(0)
    right = np.zeros(IMAGES)
    right[:100] = 1
    one, other = network(0.8, rng.normal(size=4000) * 0.02, right), network(0.7, np.zeros(4000))

    found = standing([{0: one}, {0: other}], TOP1)

    error = one.drawn["top1"].std(ddof=1)
    assert found.comparisons[0, 1].p == pytest.approx(2 * stats.t.sf(0.1 / error, 99), rel=1e-6)
    assert found.estimates[0].deviation is None
    reach = stats.t.ppf(0.975, IMAGES - 1) * error
    assert (found.estimates[0].low, found.estimates[0].high) == pytest.approx((0.8 - reach, 0.8 + reach), rel=1e-6)


def test_images_and_seeds_add_up_with_satterthwaites_degrees() -> None:
    rng = np.random.default_rng(1)
    deviations = rng.normal(size=5000) * 0.01
    runs = {seed: network(value, deviations) for seed, value in enumerate((0.70, 0.72, 0.74))}

    (found,) = standing([runs], TOP1).estimates

    images, seeds = deviations.var(ddof=1), 0.0004 / 3
    freedom = (images + seeds) ** 2 / (images**2 / (IMAGES - 1) + seeds**2 / 2)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(images + seeds)
    assert (found.value, found.low, found.high) == pytest.approx((0.72, 0.72 - reach, 0.72 + reach), rel=1e-6)
    assert found.deviation == pytest.approx(0.02)


def test_a_few_images_that_tell_apart_are_few_degrees_of_freedom() -> None:
    """Five images to none decide for a normal (p = 0.025), and not for the exact test of McNemar (p = 0.0625)."""
    right = np.zeros(IMAGES)
    right[:5] = 1
    weights = np.random.default_rng(2).multinomial(IMAGES, [1 / IMAGES] * IMAGES, size=4000)
    one = network(5 / IMAGES, (weights @ right - 5) / IMAGES, right)

    p = standing([{0: one}, {0: network(0.0, np.zeros(4000))}], TOP1).comparisons[0, 1].p

    assert 0.0625 < p < 0.15


def ranks(found: Standing) -> list[tuple[int, int, int]]:
    return [(rank.place, rank.low, rank.high) for rank in found.ranks]


def test_ranks_leave_open_what_the_tests_leave_open() -> None:
    """Two that are close, and one far behind."""
    found = standing([method(0.50, 0.51, 0.52), method(0.90, 0.91, 0.92), method(0.91, 0.90, 0.92)], TOP1)

    assert ranks(found) == [(3, 3, 3), (1, 1, 2), (1, 1, 2)]
    assert (found.first, found.tied, found.worse) == (1, [2], [0])


def test_lower_is_better_where_it_is() -> None:
    found = standing([method(0.20, 0.21, 0.22), method(0.01, 0.02, 0.03)], ECE)

    assert (found.first, found.worse) == (1, [0])
    assert found.is_better(1, 0)
    assert not found.is_better(0, 1)


def test_equal_methods_share_the_first_place_and_are_not_told_apart() -> None:
    found = standing([method(0.7, 0.7), method(0.7, 0.7)], TOP1)

    assert ranks(found) == [(1, 1, 2), (1, 1, 2)]
    assert found.comparisons[0, 1].p == 1.0


def test_methods_without_a_common_seed_are_not_compared() -> None:
    found = standing([{0: network(0.9)}, {1: network(0.1)}], TOP1)

    assert found.comparisons == {}
    assert (found.tied, ranks(found)) == ([1], [(1, 1, 2), (2, 1, 2)])


def test_a_method_of_one_seed_among_others_varies_as_they_do() -> None:
    found = standing([method(0.70, 0.72), {0: network(0.5)}], TOP1)

    assert found.estimates[1].high - found.estimates[1].low > found.estimates[0].high - found.estimates[0].low > 0


def test_an_unstable_method_does_not_blur_the_others() -> None:
    steady = [method(0.900, 0.905, 0.910), method(0.800, 0.806, 0.809), method(0.700, 0.704, 0.711)]
    more = [method(0.600, 0.606, 0.602), method(0.500, 0.505, 0.508)]

    found = standing([*steady, method(0.2, 0.9, 0.5), *more], TOP1)

    assert found.is_better(0, 1)
    assert found.is_better(1, 2)
    assert not found.is_better(0, 3)


def false_alarm(rng: np.random.Generator, deviations: Sequence[float]) -> bool:
    """Whether some of several methods that are equally good are told apart."""
    methods = [method(*(0.5 + rng.normal(size=3) * deviation)) for deviation in deviations]
    found = standing(methods, TOP1)
    return any(found.comparisons[pair].is_shown for pair in itertools.combinations(range(len(methods)), 2))


@pytest.mark.parametrize("deviations", [[0.01] * 5, [0.04, *[0.01] * 4]])
def test_equal_methods_are_rarely_told_apart(deviations: list[float]) -> None:
    """With each pair's own variance of three seeds, a third of such tables would have a false difference."""
    rng = np.random.default_rng(0)

    alarms = sum(false_alarm(rng, deviations) for _ in range(100))

    assert alarms <= 0.12 * 100
