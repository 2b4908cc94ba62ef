from pathlib import Path

import numpy as np
import pytest

from longtail.evaluate import protocols
from longtail.runtime.errors import InputError

LABELS = np.array([0, 1, 1])
RIGHT = np.array([[4.0, 0.0], [0.0, 4.0], [0.0, 4.0]], np.float32)
WRONG = -RIGHT


def test_a_stage2_file_is_scored_by_both_protocols(tmp_path: Path) -> None:
    path = tmp_path / "logits.npz"
    np.savez(path, last=WRONG, best=RIGHT, labels=LABELS)
    scored = protocols.score_both(path, [5, 5], bins=15, resamples=10)
    assert (scored["last"]["top1"], scored["best"]["top1"]) == (0.0, 1.0)


def test_both_protocols_count_in_the_further_numbers_of_bins(tmp_path: Path) -> None:
    path = tmp_path / "logits.npz"
    np.savez(path, last=WRONG, best=RIGHT, labels=LABELS)
    scored = protocols.score_both(path, [5, 5], bins=15, resamples=10, also=[20])
    for protocol in ("last", "best"):
        assert len(scored[protocol]["bins"]["count"]) == 15
        assert len(scored[protocol]["diagrams"]["20"]["bins"]["count"]) == 20


def test_a_features_file_is_scored_by_its_networks_logits(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    np.savez(path, test_logits=RIGHT, best_test_logits=WRONG, test_labels=LABELS)
    scored = protocols.score_both(path, [5, 5], bins=15, resamples=10)
    assert (scored["last"]["top1"], scored["best"]["top1"]) == (1.0, 0.0)


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "logits.npz"
    np.savez(path, labels=LABELS)
    with pytest.raises(InputError, match=r"logits\.npz is not a whole logits file"):
        protocols.score_both(path, [5, 5], bins=15, resamples=10)


def test_a_truncated_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "logits.npz"
    np.savez(path, last=WRONG, best=RIGHT, labels=LABELS)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"logits\.npz is not a whole logits file"):
        protocols.score_both(path, [5, 5], bins=15, resamples=10)
