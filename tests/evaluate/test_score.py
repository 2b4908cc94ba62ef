import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtail.evaluate.score import score
from longtail.evaluate.scores import softmax
from longtail.runtime.errors import InputError

LIB = Path(__file__).parents[2] / "lib"

# The confidences of these five images are 1/2, 0.55, 0.95, 0.6 and 0.8; the third and the last are right.
PROBABILITIES = np.array([[0.5, 0.3, 0.2], [0.2, 0.55, 0.25], [0.95, 0.03, 0.02], [0.3, 0.6, 0.1], [0.1, 0.1, 0.8]])
LABELS = np.array([1, 2, 0, 0, 2])
TRAIN_COUNTS = np.array([150, 60, 5])

# fmt: off
KEYS = {
    "n_test", "top1", "ece", "signed_gap", "over_confident", "mce", "ace", "cwece", "nll", "brier",
    "groups", "group_sizes", "per_class", "bins", "diagrams", "interval", "resamples",
}
# fmt: on


def run_fresh(code: str, **environment: str) -> str:
    """Standard output of `code` in a new interpreter that sees only lib/."""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env={"PYTHONPATH": str(LIB), **environment}, check=True, capture_output=True, text=True
    ).stdout


def test_every_number_by_hand() -> None:
    result = score(np.log(PROBABILITIES), LABELS, TRAIN_COUNTS, resamples=50)
    assert result["n_test"] == 5
    assert result["top1"] == 0.4
    # Right-closed fifteenths: 0.5 -> bin 8, 0.55 -> 9, 0.6 -> 9, 0.8 -> 12, 0.95 -> 15.
    assert result["ece"] == pytest.approx((0.5 + 0.55 + 0.6 + 0.2 + 0.05) / 5)
    assert result["mce"] == pytest.approx(0.575)
    assert result["ace"] == pytest.approx((0.5 + 0.55 + 0.6 + 0.2 + 0.05) / 5)
    assert result["signed_gap"] == pytest.approx(3.4 / 5 - 0.4)
    assert result["over_confident"] is True
    assert result["nll"] == pytest.approx(-np.log([0.3, 0.25, 0.95, 0.3, 0.8]).mean())
    squares = (0.25 + 0.49 + 0.04) + (0.04 + 0.3025 + 0.5625) + (0.0025 + 0.0009 + 0.0004)
    squares += (0.49 + 0.36 + 0.01) + (0.01 + 0.01 + 0.04)
    assert result["brier"] == pytest.approx(squares / 5)
    assert result["per_class"] == [0.5, 0.0, 0.5]
    assert result["groups"] == {"many": 0.5, "medium": 0.0, "few": 0.5}
    assert result["group_sizes"] == {"many": 1, "medium": 1, "few": 1}
    assert result["bins"]["count"] == [0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 1, 0, 0, 1]
    assert result["bins"]["accuracy"][6:9] == [None, 0.0, 0.0]
    assert result["bins"]["confidence"][8] == pytest.approx(0.575)
    assert result["bins"]["edges"] == np.linspace(0, 1, 16).tolist()
    assert result["resamples"] == 50


def test_further_numbers_of_bins_have_an_ece_and_bins_of_their_own_and_move_nothing_else() -> None:
    plain = score(np.log(PROBABILITIES), LABELS, TRAIN_COUNTS, resamples=10)
    result = score(np.log(PROBABILITIES), LABELS, TRAIN_COUNTS, resamples=10, also=[1, 4])
    assert plain.pop("diagrams") == {}
    diagrams = result.pop("diagrams")
    assert result == plain
    assert json.loads(json.dumps(diagrams, allow_nan=False)) == diagrams
    assert list(diagrams) == ["1", "4"]
    assert diagrams["1"]["ece"] == pytest.approx(abs(3.4 / 5 - 0.4))
    # Right-closed quarters: 0.5 -> 2; 0.55 and 0.6, both wrong -> 3; 0.8 and 0.95, both right -> 4.
    assert diagrams["4"]["ece"] == pytest.approx((0.5 + 1.15 + 0.25) / 5)
    bins = diagrams["4"]["bins"]
    assert (bins["edges"], bins["count"]) == ([0.0, 0.25, 0.5, 0.75, 1.0], [0, 1, 2, 2])
    assert bins["accuracy"] == [None, 0.0, 0.0, 1.0]
    assert bins["confidence"][1:] == pytest.approx([0.5, 0.575, 0.875])


def test_an_under_confident_model_has_a_negative_gap() -> None:
    result = score(np.log(PROBABILITIES), PROBABILITIES.argmax(axis=1), TRAIN_COUNTS, resamples=10)
    assert result["signed_gap"] == pytest.approx(0.68 - 1.0)
    assert result["over_confident"] is False


def test_result_survives_strict_json_and_keeps_its_keys() -> None:
    # Class 1 has no test image, no class is medium, and most bins are empty: three sources of None.
    logits = np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 3.0]], dtype=np.float32)
    result = score(logits, np.array([0, 2], dtype=np.uint64), np.array([500, 200, 3], dtype=np.uint16), resamples=20)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert set(result) == KEYS
    assert result["per_class"] == [1.0, None, 1.0]
    assert result["groups"] == {"many": 1.0, "medium": None, "few": 1.0}
    assert result["group_sizes"] == {"many": 2, "medium": 0, "few": 1}
    assert list(result["interval"]) == ["top1", "ece", "nll", "brier"]
    assert all(low <= high for low, high in result["interval"].values())


def test_accuracy_is_read_from_the_logits_where_the_probabilities_tie() -> None:
    logits = np.array([[0.0, 1e-20]])
    assert softmax(logits).tolist() == [[0.5, 0.5]]
    result = score(logits, [1], [10, 10], resamples=2)
    assert result["top1"] == 1.0
    assert result["per_class"] == [None, 1.0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_saturated_logits_give_confidence_one_in_the_last_bin(dtype: type) -> None:
    logits = np.zeros((4, 5), dtype=dtype)
    logits[:, 2] = 6e4
    result = score(logits, np.array([2, 2, 2, 0]), np.full(5, 30), resamples=10)
    assert result["bins"]["count"][-1] == 4
    assert result["ece"] == pytest.approx(0.25)
    assert result["nll"] == pytest.approx(float(logits[0, 2]) / 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logits": np.array([[0.0, np.nan, 0.0]] * 5)}, "5 of 5 images are not finite"),
        ({"logits": np.where(PROBABILITIES > 0.9, np.inf, 0.0)}, "1 of 5 images are not finite"),
        ({"logits": PROBABILITIES.ravel()}, r"logits has shape \(15,\)"),
        ({"logits": np.empty((5, 0))}, r"logits has shape \(5, 0\)"),
        ({"logits": np.empty((0, 3)), "labels": np.empty(0, dtype=int)}, "no test image"),
        ({"labels": LABELS[:4]}, r"labels of shape \(5,\)"),
        ({"labels": LABELS[:, None]}, r"labels of shape \(5,\)"),
        ({"labels": LABELS.astype(float)}, "labels must be integers"),
        ({"labels": LABELS + 1}, r"allow 0\.\.2"),
        ({"labels": LABELS - 1}, "run from -1"),
        ({"train_counts": TRAIN_COUNTS[:2]}, "one train count per class"),
        ({"train_counts": TRAIN_COUNTS / 2}, "train_counts must be integers"),
        ({"bins": 0}, "set bins to 15"),
        ({"resamples": 0}, "set resamples to 1000"),
    ],
)
def test_bad_input_is_one_sentence(change: dict[str, Any], message: str) -> None:
    good = {"logits": np.log(PROBABILITIES), "labels": LABELS, "train_counts": TRAIN_COUNTS}
    with pytest.raises(InputError, match=message) as raised:
        score(**{**good, **change})
    assert "\n" not in str(raised.value)


def test_another_process_with_other_threads_writes_the_same_bytes() -> None:
    code = """
import json
import numpy as np
from longtail.evaluate.score import score
rng = np.random.default_rng(0)
logits, labels = rng.normal(size=(2000, 20)), rng.integers(20, size=2000)
print(json.dumps(score(logits, labels, np.arange(20) * 9, resamples=50)))
"""
    one = run_fresh(code, OPENBLAS_NUM_THREADS="1", PYTHONHASHSEED="1")
    two = run_fresh(code, OPENBLAS_NUM_THREADS="2", PYTHONHASHSEED="2")
    assert json.loads(one)["n_test"] == 2000
    assert one == two


def test_importing_score_loads_nothing_but_numpy() -> None:
    loaded = run_fresh(
        "import sys; before = set(sys.modules); import longtail.evaluate.score; "
        "print(*sorted({m.partition('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    assert loaded.split() == ["longtail", "numpy"]
