import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtail.evaluate import protocols
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.stage2 import post_hoc
from longtail.stage2.post_hoc import logit_adjustment


def arrays(logits, best=None, train_labels=(0, 0, 0, 1), test_labels=None):
    return {
        "test_logits": np.array(logits, np.float32),
        "best_test_logits": np.array(logits if best is None else best, np.float32),
        "train_labels": np.array(train_labels, np.int64),
        "test_labels": np.zeros(len(logits), np.int64) if test_labels is None else np.array(test_labels, np.int64),
    }


def adjust(tau, stored):
    return logit_adjustment.adjust({"name": "logit_adjustment", "tau": tau}, stored)


@pytest.mark.parametrize(
    ("tau", "expected"),
    [
        (1, [[5 + np.log(4 / 3), 4 + np.log(4)], [-1 + np.log(4 / 3), np.log(4)]]),
        (2.0, [[5 + np.log(16 / 9), 4 + np.log(16)], [-1 + np.log(16 / 9), np.log(16)]]),
        (0.5, [[5 + np.log(2 / 3**0.5), 4 + np.log(2)], [-1 + np.log(2 / 3**0.5), np.log(2)]]),
    ],
)
def test_tau_times_the_log_of_the_shares_is_taken_away(tau: float, expected: list[list[Any]]) -> None:
    """Three images of class 0 and one of class 1: shares 3/4 and 1/4."""
    adjusted = adjust(tau, arrays([[5.0, 4.0], [-1.0, 0.0]]))
    np.testing.assert_allclose(adjusted.last, expected, rtol=1e-6)


def test_each_protocol_adjusts_its_own_logits() -> None:
    adjusted = adjust(1.0, arrays([[5.0, 4.0]], best=[[1.0, 2.0]]))
    np.testing.assert_allclose(adjusted.last, [[5 + np.log(4 / 3), 4 + np.log(4)]], rtol=1e-6)
    np.testing.assert_allclose(adjusted.best, [[1 + np.log(4 / 3), 2 + np.log(4)]], rtol=1e-6)
    assert adjusted.last.dtype == adjusted.best.dtype == np.float32


@pytest.mark.parametrize("tau", [0, 0.0])
def test_tau_of_zero_leaves_logits_as_they_are(tau: float) -> None:
    stored = arrays(np.random.default_rng(0).normal(0, 3, (9, 2)), best=np.random.default_rng(1).normal(0, 3, (9, 2)))
    adjusted = adjust(tau, stored)
    np.testing.assert_array_equal(adjusted.last, stored["test_logits"])
    np.testing.assert_array_equal(adjusted.best, stored["best_test_logits"])


def test_probabilities_are_divided_by_the_shares() -> None:
    """softmax(z − log π) ∝ p/π: what balances a posterior under equal classes (PC Softmax)."""
    logits = np.random.default_rng(0).normal(0, 3, (20, 4))
    counts = np.array([50, 20, 6, 1])
    posterior = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = posterior / counts / (posterior / counts).sum(1, keepdims=True)
    stored = arrays(logits, train_labels=np.repeat(np.arange(4), counts))
    adjusted = np.exp(adjust(1.0, stored).last.astype(np.float64))
    np.testing.assert_allclose(adjusted / adjusted.sum(1, keepdims=True), expected, rtol=1e-5)


def test_stored_logits_are_left_as_they_are() -> None:
    stored = arrays([[5.0, 4.0]])
    adjust(1.0, stored)
    assert stored["test_logits"].tolist() == stored["best_test_logits"].tolist() == [[5.0, 4.0]]


def test_choice_is_the_tau_of_the_method() -> None:
    choice = adjust(1.5, arrays([[5.0, 4.0]])).choice
    assert choice == {"last": {"tau": 1.5}, "best": {"tau": 1.5}}
    assert json.loads(json.dumps(choice)) == choice


def test_logits_are_written_for_the_evaluation(tmp_path: Path) -> None:
    # Class 0 leads by 1 and by 2, and log 3 = 1.0986 is taken from that lead.
    given = arrays([[1.0, 0.0], [2.0, 0.0]], best=[[1.0, 0.0], [1.0, 0.0]], test_labels=[1, 1])
    adjusted = adjust(1.0, given)
    post_hoc.save_logits(tmp_path / "logits.npz", adjusted, given["test_labels"])
    scored = protocols.score_both(tmp_path / "logits.npz", [3, 1], bins=15, resamples=10)
    assert (scored["last"]["top1"], scored["best"]["top1"]) == (0.5, 1.0)


def test_settings_are_read_without_an_import() -> None:
    assert "logit_adjustment" in parts.names("stage2.post_hoc")
    assert list(parts.settings("stage2.post_hoc", "logit_adjustment")) == ["tau"]
    assert set(logit_adjustment.ARRAYS) == set(arrays([[0.0, 0.0]]))


def test_no_torch_is_imported() -> None:
    lib = str(Path(parts.__file__).parents[2])
    program = (
        "import sys; from longtail.runtime import files, joblog, npz, parts; from longtail.stage2 import post_hoc; "
        "parts.find('stage2.post_hoc', 'logit_adjustment'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": lib}, check=False).returncode == 0


@pytest.mark.parametrize("tau", [0, 1.0])
def test_a_class_without_training_images_is_refused(tau: float) -> None:
    with pytest.raises(InputError, match="has no share of class 1, which has no training image: leave the class out"):
        adjust(tau, arrays([[5.0, 4.0, 1.0]], train_labels=(0, 0, 2)))
