from collections.abc import Iterator

import numpy as np
import pytest

from longtail.evaluate.bootstrap import percentile_intervals
from longtail.evaluate.calibration import expected_calibration_error
from longtail.runtime.errors import InputError

# Two classes, three levels of confidence, each in its own bin: every population value is known exactly.
LEVELS = np.array([0.55, 0.7, 0.95])
SHARE = np.array([0.3, 0.3, 0.4])


def drawn_test_set(
    rng: np.random.Generator, hit_rate: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, correct, NLL and Brier per image of n images of the world above."""
    level = rng.choice(3, size=n, p=SHARE)
    confidence = LEVELS[level]
    correct = (rng.random(n) < hit_rate[level]).astype(np.float64)
    of_true_class = np.where(correct == 1, confidence, 1 - confidence)
    return confidence, correct, -np.log(of_true_class), 2 * (1 - of_true_class) ** 2


def population(hit_rate: np.ndarray) -> dict[str, float]:
    return {
        "top1": float(SHARE @ hit_rate),
        "ece": float(SHARE @ np.abs(hit_rate - LEVELS)),
        "nll": float(-SHARE @ (hit_rate * np.log(LEVELS) + (1 - hit_rate) * np.log(1 - LEVELS))),
        "brier": float(2 * SHARE @ (hit_rate * (1 - LEVELS) ** 2 + (1 - hit_rate) * LEVELS**2)),
    }


def intervals_of_many_worlds(hit_rate: np.ndarray, worlds: int) -> Iterator[dict[str, list[float]]]:
    rng = np.random.default_rng(2021)
    for seed in range(worlds):
        yield percentile_intervals(*drawn_test_set(rng, hit_rate, n=400), bins=15, resamples=200, seed=seed)


def test_intervals_of_an_over_confident_model_cover_the_truth_about_95_times_in_100() -> None:
    hit_rate = np.array([0.35, 0.5, 0.75])
    truth = population(hit_rate)
    covered = dict.fromkeys(truth, 0)
    worlds = 200
    for intervals in intervals_of_many_worlds(hit_rate, worlds):
        for name, (low, high) in intervals.items():
            covered[name] += low <= truth[name] <= high
    # 95 % ± three standard deviations of a binomial of 200, plus the small-sample bias of percentiles
    assert {name: 0.89 <= count / worlds <= 0.985 for name, count in covered.items()} == dict.fromkeys(truth, True)


def test_ece_interval_of_a_calibrated_model_lies_too_high() -> None:
    # The documented limit: the true ECE is 0, and no interval reaches it.
    assert population(LEVELS)["ece"] == 0.0
    assert all(intervals["ece"][0] > 0.0 for intervals in intervals_of_many_worlds(LEVELS, worlds=20))


def test_top1_interval_has_the_width_of_the_normal_approximation() -> None:
    n = 10_000
    correct = (np.arange(n) < 8000).astype(np.float64)
    intervals = percentile_intervals(np.full(n, 0.9), correct, correct, correct, bins=15, resamples=1000, seed=0)
    low, high = intervals["top1"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / n), rel=0.1)
    assert (low + high) / 2 == pytest.approx(0.8, abs=0.001)


def test_intervals_are_those_of_re_scoring_every_resample() -> None:
    confidence, correct, nll, brier = drawn_test_set(np.random.default_rng(5), np.array([0.4, 0.6, 0.8]), n=150)
    rng = np.random.default_rng(7)
    picks = [rng.integers(150, size=150) for _ in range(60)]
    rescored = {
        "top1": [correct[pick].mean() for pick in picks],
        "ece": [expected_calibration_error(confidence[pick], correct[pick], 10) for pick in picks],
        "nll": [nll[pick].mean() for pick in picks],
        "brier": [brier[pick].mean() for pick in picks],
    }
    intervals = percentile_intervals(confidence, correct, nll, brier, bins=10, resamples=60, seed=7)
    for name, values in rescored.items():
        np.testing.assert_allclose(intervals[name], np.quantile(values, [0.025, 0.975]), rtol=1e-12)


def test_the_seed_decides_the_bytes() -> None:
    images = drawn_test_set(np.random.default_rng(0), np.array([0.5, 0.6, 0.9]), n=300)
    first, again, other = (percentile_intervals(*images, bins=15, resamples=100, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_no_resamples_is_bad_input() -> None:
    one = np.ones(1)
    with pytest.raises(InputError, match="set resamples to 1000"):
        percentile_intervals(one, one, one, one, bins=15, resamples=0, seed=0)
