import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from longtail.data import long_tail
from longtail.data.sources import digits
from longtail.evaluate import protocols, scores
from longtail.features.hold_out import hold_out
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.stage2 import post_hoc
from longtail.stage2.post_hoc import tau_norm

CHOSEN = {"name": "tau_norm", "tau": None, "bias": False}


def fixed(tau, bias=False):
    return CHOSEN | {"tau": tau, "bias": bias}


def arrays(held_out=(), test=((0.0, 0),), weight=((10.0, 0.0), (0.0, 1.0)), bias=(0.0, 0.0)):
    """Stored arrays; an image is a pair of r and its label, its feature (1, r).

    With rows (10, 0) and (0, 1) class 1 is predicted where r > 10^(1−τ).
    """

    def images(pairs):
        ratios = np.array([ratio for ratio, _ in pairs], np.float32)
        return np.stack([np.ones_like(ratios), ratios], axis=1), np.array([label for _, label in pairs], np.int64)

    held_out_features, held_out_labels = images(held_out)
    test_features, test_labels = images(test)
    return {
        "weight": np.array(weight, np.float32),
        "bias": np.array(bias, np.float32),
        "held_out_features": held_out_features,
        "held_out_labels": held_out_labels,
        "test_features": test_features,
        "test_labels": test_labels,
    }


# Right up to τ = 0.3 and 1.3, and from 0.7 and 1.7 on: 10^(1−τ) is 5, 0.5, 2 and 0.2 at 0.301, 1.301, 0.699, 1.699.
UP_TO_03, UP_TO_13, FROM_07, FROM_17 = (5.0, 0), (0.5, 0), (2.0, 1), (0.2, 1)


@pytest.fixture(scope="module")
def stored():
    """Digits as features, and a strongly regularised logistic regression of their long-tailed subset."""
    data = digits.read({}, None)
    subset = long_tail.cut(data.train_labels, 10, 10, seed=0, n_max=50)
    held_out = hold_out(data.train_labels, subset, 10)
    train, test = ((images.reshape(len(images), -1) / 255) for images in (data.train_images, data.test_images))
    fitted = LogisticRegression(C=0.01, max_iter=1000).fit(train[subset.indices], data.train_labels[subset.indices])
    return {
        "weight": fitted.coef_.astype(np.float32),
        "bias": fitted.intercept_.astype(np.float32),
        "held_out_features": train[held_out].astype(np.float32),
        "held_out_labels": data.train_labels[held_out],
        "test_features": test.astype(np.float32),
        "test_labels": data.test_labels,
        "test_logits": fitted.decision_function(test),
    }


@pytest.mark.parametrize(
    ("tau", "bias", "logits"),
    [
        (0, False, [7.0, 2.0]),
        (1, False, [1.4, 1.0]),
        (2, False, [0.28, 0.5]),
        (0.5, False, [7 / 5**0.5, 2 / 2**0.5]),
        (0, True, [17.0, -18.0]),
        (1, True, [11.4, -19.0]),
    ],
)
def test_rows_are_divided_by_a_power_of_their_length_and_the_bias_is_not(
    tau: float, bias: bool, logits: list[Any]
) -> None:
    given = arrays(test=[(1.0, 0)], weight=[(3.0, 4.0), (0.0, 2.0)], bias=(10.0, -20.0))
    adjusted = tau_norm.adjust(fixed(tau, bias), given)
    np.testing.assert_allclose(adjusted.last, [logits], rtol=1e-6)
    np.testing.assert_array_equal(adjusted.best, adjusted.last)
    assert adjusted.last.dtype == np.float32


def test_a_configured_tau_is_used_for_both_protocols_without_any_data() -> None:
    for held_out in ([], [FROM_07]):
        choice = tau_norm.adjust(fixed(1.25), arrays(held_out)).choice
        assert choice == {
            "last": {"tau": 1.25},
            "best": {"tau": 1.25},
            "grid": [],
            "held_out": [],
            "held_out_images": 0,
        }


def test_last_is_chosen_on_the_hold_out_and_best_on_the_test_set() -> None:
    given = arrays(held_out=[FROM_07, UP_TO_13], test=[FROM_17, FROM_17, UP_TO_13])
    adjusted = tau_norm.adjust(CHOSEN, given)
    assert adjusted.choice["last"] == {"tau": 0.7}  # the smallest of 0.7 to 1.3, which are equal
    assert adjusted.choice["best"] == {"tau": 1.7}
    np.testing.assert_array_equal(adjusted.last, tau_norm.adjust(fixed(0.7), given).last)
    np.testing.assert_array_equal(adjusted.best, tau_norm.adjust(fixed(1.7), given).last)


def test_grid_and_accuracies_are_recorded() -> None:
    choice = tau_norm.adjust(CHOSEN, arrays(held_out=[FROM_07, UP_TO_13])).choice
    assert choice["grid"] == [round(0.1 * step, 1) for step in range(21)]
    assert choice["held_out"] == [0.5] * 7 + [1.0] * 7 + [0.5] * 7
    assert choice["held_out_images"] == 2
    assert json.loads(json.dumps(choice)) == choice


def test_test_set_has_no_say_in_last() -> None:
    held_out = [FROM_07, UP_TO_13]
    for test in ([FROM_17], [UP_TO_03], [FROM_07, UP_TO_03]):
        assert tau_norm.adjust(CHOSEN, arrays(held_out, test)).choice["last"] == {"tau": 0.7}


def test_classes_count_alike_on_the_hold_out_and_images_on_the_test_set() -> None:
    images = [UP_TO_03] * 4 + [UP_TO_13] * 6 + [FROM_07]
    choice = tau_norm.adjust(CHOSEN, arrays(held_out=images, test=images)).choice
    assert choice["last"] == {"tau": 0.7}  # (6/10 + 1)/2 against (1 + 0)/2 up to 0.3
    assert choice["held_out"] == pytest.approx([0.5] * 4 + [0.3] * 3 + [0.8] * 7 + [0.5] * 7)
    assert choice["best"] == {"tau": 0.0}  # 10 of 11 against 7


def test_bias_is_part_of_the_choice() -> None:
    given = arrays(held_out=[(2.0, 1), (0.5, 0)], bias=(0.0, 8.5))
    assert tau_norm.adjust(CHOSEN, given).choice["last"] == {"tau": 0.7}
    assert tau_norm.adjust(CHOSEN | {"bias": True}, given).choice["last"] == {"tau": 0.0}  # 10 against 10.5, 9


def test_classes_without_images_are_left_out_of_the_mean() -> None:
    logits = np.eye(4, dtype=np.float32)[[2, 2, 0, 3, 1]]
    assert tau_norm.mean_class_accuracy(logits, np.array([2, 2, 2, 1, 1])) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert tau_norm.mean_class_accuracy(logits, np.array([2, 2, 3, 3, 3])) == pytest.approx((1 + 1 / 3) / 2)


def test_mean_of_classes_is_that_of_the_scores(stored: Any) -> None:
    logits, labels = stored["test_logits"][:250], stored["test_labels"][:250]
    expected = np.nanmean(scores.per_class_accuracy(logits, labels))
    assert float(tau_norm.mean_class_accuracy(logits, labels)) == pytest.approx(expected, rel=1e-12)


def test_equal_means_are_equal_though_their_roundings_differ() -> None:
    labels = np.repeat([0, 1, 2], 10)

    def mean(*hits):
        right = np.concatenate([np.arange(10) < hit for hit in hits])
        return tau_norm.mean_class_accuracy(np.eye(4, dtype=np.float32)[np.where(right, labels, 3)], labels)

    assert 0.1 + 0.2 + 0.3 != 0.6 + 0.0 + 0.0
    assert mean(1, 2, 3) == mean(6, 0, 0)
    assert mean(1, 2, 3) < mean(6, 1, 0)


def test_nothing_to_choose_on_is_one_sentence() -> None:
    with pytest.raises(InputError) as refused:
        tau_norm.adjust(CHOSEN, arrays(held_out=[]))
    assert str(refused.value) == (
        "post_hoc tau_norm has nothing to choose tau on, since the data set is used whole and no training image "
        "is left over: set `tau` of the method to a number"
    )


@pytest.mark.parametrize("row", [(0.0, 0.0), (np.nan, 1.0), (np.inf, 1.0)])
def test_row_without_a_length_is_named(row: tuple[Any, ...]) -> None:
    with pytest.raises(InputError, match="class 1, which are all 0 or not finite"):
        tau_norm.adjust(fixed(1), arrays(weight=[(3.0, 4.0), row]))


def test_tau_0_with_bias_is_the_classifier_as_it_was(stored: Any) -> None:
    adjusted = tau_norm.adjust(fixed(0, bias=True), stored)
    np.testing.assert_allclose(adjusted.last, stored["test_logits"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_accuracies_on_real_data_computed_independently(stored: Any, bias: bool) -> None:
    choice = tau_norm.adjust(CHOSEN | {"bias": bias}, stored).choice
    weight = stored["weight"].astype(np.float64)
    expected = []
    for tau in choice["grid"]:
        rescaled = np.array([row / np.sqrt((row**2).sum()) ** tau for row in weight])
        logits = stored["held_out_features"] @ rescaled.T + bias * stored["bias"]
        expected.append(np.nanmean(scores.per_class_accuracy(logits, stored["held_out_labels"])))
    assert choice["held_out"] == pytest.approx(expected)
    assert len(set(expected)) > 10
    assert choice["last"]["tau"] == choice["grid"][int(np.argmax(expected))] > 0
    assert choice["held_out_images"] == len(stored["held_out_labels"]) == 940


def test_logits_are_written_for_the_evaluation(tmp_path: Path) -> None:
    given = arrays(held_out=[FROM_07, UP_TO_13], test=[FROM_17, FROM_17, UP_TO_13])
    adjusted = tau_norm.adjust(CHOSEN, given)
    post_hoc.save_logits(tmp_path / "logits.npz", adjusted, given["test_labels"])
    scored = protocols.score_both(tmp_path / "logits.npz", [5, 5], bins=15, resamples=10)
    assert (scored["last"]["top1"], scored["best"]["top1"]) == pytest.approx((1 / 3, 2 / 3))


def test_settings_are_read_without_an_import() -> None:
    assert "tau_norm" in parts.names("stage2.post_hoc")
    assert list(parts.settings("stage2.post_hoc", "tau_norm")) == ["tau", "bias"]


def test_no_torch_is_imported() -> None:
    lib = str(Path(parts.__file__).parents[2])
    program = (
        "import sys; from longtail.runtime import files, joblog, npz, parts; from longtail.stage2 import post_hoc; "
        "parts.find('stage2.post_hoc', 'tau_norm'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": lib}, check=False).returncode == 0
