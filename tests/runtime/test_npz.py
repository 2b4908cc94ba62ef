from pathlib import Path

import numpy as np
import pytest

from longtail.runtime import npz
from longtail.runtime.errors import InputError


def test_whether_a_file_holds_an_array(tmp_path: Path) -> None:
    npz.save(tmp_path / "some.npz", {"logits": np.zeros(3)})
    assert npz.holds(tmp_path / "some.npz", "logits")
    assert not npz.holds(tmp_path / "some.npz", "labels")


def test_a_file_that_is_none_holds_nothing(tmp_path: Path) -> None:
    npz.save(tmp_path / "cut.npz", {"logits": np.zeros(300)})
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:500])
    (tmp_path / "text.npz").write_text("text")
    for name in ("cut.npz", "text.npz", "missing.npz"):
        assert not npz.holds(tmp_path / name, "logits")


def test_an_array_cut_short_in_its_head_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    npz.save(path, {"logits": np.arange(50_000.0)})
    path.write_bytes(path.read_bytes().replace(b"(50000,)", b"(40000,)"))
    assert len(np.load(path)["logits"]) == 40_000  # which compares no checksum of what it leaves unread
    with pytest.raises(InputError, match=r"some\.npz is not a whole logits file \(.*\): delete it and run again"):
        npz.load(path, ["logits"], "logits")
