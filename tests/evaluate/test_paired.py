from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.evaluate import paired
from longtail.evaluate.paired import Difference, Estimate, Verdict
from longtail.evaluate.score import score
from longtail.runtime.errors import InputError

HOLDS, FAILS, NOT_SHOWN = Verdict
# Two methods: how far the true class stands out, and what their two networks are drawn from.
METHODS = (("a", 1.5, (1, 2)), ("b", 1.0, (3, 4)))


def of_two_classes(right: list[bool], confidence: float) -> np.ndarray:
    """Logits [N, 2] of images of class 0, with one confidence for the class that they are taken for."""
    odds = np.log(confidence / (1 - confidence))
    return np.array([[odds, 0.0] if correct else [0.0, odds] for correct in right])


def stored(path: Path, last: np.ndarray, best: np.ndarray | None = None, labels: np.ndarray | None = None) -> str:
    """A Stage 2's logits file; `best` is `last`, and every image of class 0, where nothing else is said."""
    labels = np.zeros(len(last), int) if labels is None else labels
    np.savez(path, last=last, best=last if best is None else best, labels=labels)
    return str(path)


def drawn_logits(seed: int, n: int = 400, classes: int = 5, skill: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Noise in which the true class stands out by `skill`, and the labels, which are the same for every seed."""
    labels = np.random.default_rng(99).integers(classes, size=n)
    logits = np.random.default_rng(seed).normal(size=(n, classes)) * 1.5
    logits[np.arange(n), labels] += skill
    return logits, labels


def test_a_difference_worked_out_by_hand(tmp_path: Path) -> None:
    """Eight of ten images right at a confidence of 0.8, against four of ten at 0.9."""
    good = stored(tmp_path / "good.npz", of_two_classes([True] * 8 + [False] * 2, 0.8))
    poor = stored(tmp_path / "poor.npz", of_two_classes([True] * 4 + [False] * 6, 0.9))

    found = paired.estimates([good, poor], ["top1", "ece"], bins=15, resamples=1000)["last"]
    top1 = paired.difference({0: found["top1"][good]}, {0: found["top1"][poor]})
    ece = paired.difference({0: found["ece"][good]}, {0: found["ece"][poor]})

    assert top1 is not None
    assert ece is not None
    # Four of ten images tell them apart: how many of these are drawn is binomial, with quantiles 1 and 7.
    assert (top1.better, top1.other, top1.mean) == pytest.approx((0.8, 0.4, 0.4))
    assert (top1.low, top1.high) == pytest.approx((0.1, 0.7))
    assert (ece.better, ece.other, ece.mean) == pytest.approx((0.0, 0.5, -0.5))
    assert paired.judge(top1, "top1") == paired.judge(ece, "ece") == HOLDS


def test_intervals_equal_those_of_scoring_every_resample_again(tmp_path: Path) -> None:
    """Slowly: images drawn one resample after the other, both methods and both seeds scored on each."""
    logits = {name: [drawn_logits(seed, skill=skill)[0] for seed in seeds] for name, skill, seeds in METHODS}
    labels = drawn_logits(0)[1]
    paths = {n: [stored(tmp_path / f"{n}{i}.npz", of, labels=labels) for i, of in enumerate(logits[n])] for n in "ab"}
    rng = np.random.default_rng(0)
    slow: dict[str, list[float]] = {metric: [] for metric in ("top1", "ece", "nll", "ace", "cwece")}
    for _ in range(50):
        pick = rng.integers(400, size=400)
        scored = {n: [score(of[pick], labels[pick], [1] * 5, bins=10, resamples=1) for of in logits[n]] for n in "ab"}
        for metric, values in slow.items():
            values.append(
                float(np.mean([a[metric] - b[metric] for a, b in zip(scored["a"], scored["b"], strict=True)]))
            )

    found = paired.estimates([*paths["a"], *paths["b"]], [*slow], bins=10, resamples=50)["last"]

    for metric, values in slow.items():
        by_seed = {n: {seed: found[metric][path] for seed, path in enumerate(paths[n])} for n in "ab"}
        apart = paired.difference(by_seed["a"], by_seed["b"])
        assert apart is not None
        np.testing.assert_allclose([apart.low, apart.high], np.quantile(values, [0.025, 0.975]), atol=1e-12)


def test_values_are_those_of_the_scores_in_both_protocols(tmp_path: Path) -> None:
    last, labels = drawn_logits(1)
    best = drawn_logits(2)[0]
    path = stored(tmp_path / "logits.npz", last, best, labels)

    found = paired.estimates([path], ["top1", "ece"], bins=15, resamples=1)

    for protocol, logits in (("last", last), ("best", best)):
        scored = score(logits, labels, [1] * 5, resamples=1)
        assert {metric: found[protocol][metric][path].value for metric in ("top1", "ece")} == {
            metric: scored[metric] for metric in ("top1", "ece")
        }


@pytest.mark.parametrize("metric", ["top1", "ece"])
def test_what_two_methods_have_in_common_cancels(tmp_path: Path, metric: str) -> None:
    logits, labels = drawn_logits(1)
    twin = logits.copy()
    twin[:4] *= 1.01
    paths = [stored(tmp_path / f"{name}.npz", of, labels=labels) for name, of in (("a", logits), ("b", twin))]
    other = stored(tmp_path / "other.npz", drawn_logits(7)[0], labels=labels)

    found = paired.estimates([*paths, other], ["top1", "ece"], bins=15, resamples=200)["last"][metric]
    alike, unlike = (paired.difference({0: found[paths[0]]}, {0: found[path]}) for path in (paths[1], other))

    assert alike is not None
    assert unlike is not None
    assert alike.high - alike.low < 0.1 * (unlike.high - unlike.low)
    # Of a method and itself nothing is left.
    alone = paired.difference({0: found[other]}, {0: found[other]})
    assert alone is not None
    assert (alone.low, alone.high, alone.mean) == (0.0, 0.0, 0.0)


def estimate(value: float, *drawn: float) -> Estimate:
    return Estimate(value, np.array(drawn or [value]))


def test_only_seeds_that_both_have_count() -> None:
    better = {0: estimate(0.8), 1: estimate(0.6), 2: estimate(0.1)}
    other = {1: estimate(0.5), 0: estimate(0.5), 7: estimate(0.99)}

    found = paired.difference(better, other)

    assert found is not None
    assert (found.better, found.other) == pytest.approx((0.7, 0.5))
    assert found.by_seed == pytest.approx({0: 0.3, 1: 0.1})
    assert paired.difference(better, {7: estimate(0.5)}) is None
    assert paired.difference({}, other) is None


def test_the_draws_of_all_seeds_are_averaged_before_their_quantiles() -> None:
    """Two seeds whose differences move against each other stand still together."""
    better = {0: estimate(0.6, 0.5, 0.7), 1: estimate(0.6, 0.7, 0.5)}

    found = paired.difference(better, {0: estimate(0.5, 0.5, 0.5), 1: estimate(0.5, 0.5, 0.5)})

    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))


def apart(low: float, high: float, *by_seed: float) -> Difference:
    return Difference(0.5 + float(np.mean(by_seed)), 0.5, dict(enumerate(by_seed)), low, high)


@pytest.mark.parametrize(
    ("found", "top1", "ece"),
    [
        (apart(0.01, 0.05, 0.02, 0.04), HOLDS, FAILS),
        (apart(-0.05, -0.01, -0.02, -0.04), FAILS, HOLDS),
        (apart(-0.01, 0.05, 0.02, 0.04), NOT_SHOWN, NOT_SHOWN),
        (apart(0.0, 0.05, 0.02, 0.04), NOT_SHOWN, NOT_SHOWN),
        (apart(0.01, 0.05, -0.02, 0.08), NOT_SHOWN, FAILS),  # one seed is of another mind: enough against, not for
        (apart(0.01, 0.05, 0.0, 0.06), NOT_SHOWN, FAILS),
        (apart(0.001, 0.003, -0.001), NOT_SHOWN, NOT_SHOWN),  # an ECE's interval beside its own value
    ],
)
def test_a_claim_holds_by_interval_and_every_seed(found: Difference, top1: Verdict, ece: Verdict) -> None:
    assert (paired.judge(found, "top1"), paired.judge(found, "ece")) == (top1, ece)


@pytest.mark.parametrize(
    ("verdicts", "complete", "expected"),
    [
        ([HOLDS], True, HOLDS),
        ([HOLDS, HOLDS], False, NOT_SHOWN),
        ([HOLDS, NOT_SHOWN], True, NOT_SHOWN),
        ([HOLDS, NOT_SHOWN, FAILS], True, FAILS),
        ([FAILS], False, FAILS),
        ([], False, NOT_SHOWN),
    ],
)
def test_a_claim_over_several_methods(verdicts: list[Verdict], complete: bool, expected: Verdict) -> None:
    assert paired.judge_all(verdicts, complete) == expected


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=3),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["top1", "ece"]),
)
def test_swapping_the_methods_turns_difference_and_verdict(
    values: list[tuple[int, int]], seed: int, metric: str
) -> None:
    rng = np.random.default_rng(seed)
    one, other = (
        {number: Estimate(value / 20, value / 20 + rng.normal(size=30) / 10) for number, value in enumerate(of)}
        for of in zip(*values, strict=True)
    )

    there, back = paired.difference(one, other), paired.difference(other, one)

    assert there is not None
    assert back is not None
    assert back.mean == -there.mean
    assert (-back.high, -back.low) == pytest.approx((there.low, there.high))
    verdicts = {paired.judge(there, metric), paired.judge(back, metric)}
    # A claim that holds is refuted the other way round; one that is refuted may fall short of holding by a seed.
    assert HOLDS not in verdicts or verdicts == {HOLDS, FAILS}
    assert verdicts != {FAILS}


def test_other_test_images_and_another_order_are_refused(tmp_path: Path) -> None:
    logits, labels = drawn_logits(1)
    first = stored(tmp_path / "first.npz", logits, labels=labels)
    for other in (labels[::-1], labels[:-1]):
        turned = stored(tmp_path / "turned.npz", logits[: len(other)], labels=other)
        with pytest.raises(
            InputError, match=r"turned\.npz has other test images than .*first\.npz, or in another order"
        ):
            paired.estimates([first, turned], ["top1", "ece"], bins=15, resamples=10)


def test_unusable_input_is_named(tmp_path: Path) -> None:
    logits, labels = drawn_logits(1)
    path = stored(tmp_path / "logits.npz", logits, labels=labels)
    with pytest.raises(InputError, match="set resamples to 1000"):
        paired.estimates([path], ["top1", "ece"], bins=15, resamples=0)
    logits[3] = np.nan
    with pytest.raises(InputError, match="the run diverged"):
        paired.estimates(
            [stored(tmp_path / "nan.npz", logits, labels=labels)], ["top1", "ece"], bins=15, resamples=10
        )


def test_nothing_to_compare_is_no_mistake() -> None:
    empty: dict[str, Any] = {"top1": {}, "ece": {}}
    assert paired.estimates([], ["top1", "ece"], bins=15, resamples=10) == {"last": empty, "best": empty}
