from pathlib import Path

import numpy as np
import pytest

from longtail.evaluate import ranking, stratified
from longtail.evaluate.score import score
from longtail.runtime.errors import InputError

TRAIN = [300, 150, 60, 30, 10]
SIZES = [40, 30, 20, 10, 5]
LABELS = np.repeat(np.arange(5), SIZES)


def logits(seed: int, skill: float = 1.5) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(len(LABELS), 5))
    drawn[np.arange(len(LABELS)), LABELS] += skill
    return drawn


def stored(path: Path, last: np.ndarray, labels: np.ndarray = LABELS) -> str:
    np.savez(path, last=last, best=last[::-1], labels=labels)
    return str(path)


def slowly(of: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Every criterion image by image, from its definition, with images that count `weights` times."""
    p = np.exp(of - of.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    right = (of.argmax(axis=1) == labels).astype(float)
    by_class = [float((weights * right)[labels == k].sum() / weights[labels == k].sum()) for k in range(5)]
    gaps = dict.fromkeys(range(15), 0.0)
    for confidence, correct, weight in zip(p.max(axis=1), right, weights, strict=True):
        gaps[int(np.ceil(confidence * 15)) - 1] += weight * (correct - confidence)
    return {
        "top1": float((weights * right).sum() / weights.sum()),
        "balanced": float(np.mean(by_class)),
        "worst_group": min(np.mean(by_class[:2]), np.mean(by_class[2:4]), by_class[4]),
        "ece": sum(map(abs, gaps.values())) / weights.sum(),
        "nll": float((weights * -np.log(p[np.arange(len(labels)), labels])).sum() / weights.sum()),
    }


def test_values_and_draws_are_those_of_the_definitions(tmp_path: Path) -> None:
    paths = [stored(tmp_path / f"{seed}.npz", logits(seed)) for seed in (1, 2)]

    found = ranking.measure(paths, TRAIN, bins=15, resamples=150)

    weights = np.concatenate(list(stratified.weights(LABELS, 150, 0)))
    for seed, path in zip((1, 2), paths, strict=True):
        network = found.networks[path]
        assert network.values == pytest.approx(slowly(logits(seed), LABELS, np.ones(len(LABELS))))
        for resample in (0, 1, 127, 128, 149):
            drawn = {name: values[resample] for name, values in network.drawn.items()}
            assert drawn == pytest.approx(slowly(logits(seed), LABELS, weights[resample]))
    assert set(found.examples.criteria) == {"top1", "balanced", "worst_group", "ece", "nll"}


def test_values_are_those_of_the_scores(tmp_path: Path) -> None:
    """What metrics.json has of the last epoch, and nothing of the best one."""
    path = stored(tmp_path / "logits.npz", logits(3))

    values = ranking.measure([path], TRAIN, bins=15, resamples=1).networks[path].values

    scored = score(logits(3), LABELS, TRAIN, bins=15, resamples=1)
    assert {name: values[name] for name in ("top1", "ece", "nll")} == pytest.approx(
        {name: scored[name] for name in ("top1", "ece", "nll")}
    )
    assert values["worst_group"] == pytest.approx(min(scored["groups"].values()))
    assert values["balanced"] == pytest.approx(np.mean(scored["per_class"]))


def test_criteria_that_say_nothing_new_are_left_out() -> None:
    even = ranking.Examples(np.repeat(np.arange(3), 20), np.array([30, 30, 30]))

    assert set(even.criteria) == {"top1", "ece", "nll"}


def test_a_class_without_test_images_counts_nowhere(tmp_path: Path) -> None:
    kept = LABELS != 2
    path = stored(tmp_path / "logits.npz", logits(1)[kept], LABELS[kept])

    found = ranking.measure([path], TRAIN, bins=15, resamples=10)

    by_class = [(logits(1)[k == LABELS].argmax(axis=1) == k).mean() for k in (0, 1, 3, 4)]
    assert found.networks[path].values["balanced"] == pytest.approx(np.mean(by_class))
    assert [group.classes.tolist() for group in found.examples.groups][1] == [False, False, False, True, False]


def test_other_test_images_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    first, other = stored(tmp_path / "first.npz", logits(1)), stored(tmp_path / "other.npz", logits(1), LABELS[::-1])
    with pytest.raises(InputError, match=r"other\.npz has other test images than .*first\.npz"):
        ranking.measure([first, other], TRAIN, bins=15, resamples=1)
    with pytest.raises(InputError, match="no network to rank"):
        ranking.measure([], TRAIN, bins=15, resamples=1)
