import numpy as np

from longtail.runtime import npz


def test_whether_a_file_holds_an_array(tmp_path):
    npz.save(tmp_path / "some.npz", {"logits": np.zeros(3)})
    assert npz.holds(tmp_path / "some.npz", "logits")
    assert not npz.holds(tmp_path / "some.npz", "labels")


def test_a_file_that_is_none_holds_nothing(tmp_path):
    npz.save(tmp_path / "cut.npz", {"logits": np.zeros(300)})
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:500])
    (tmp_path / "text.npz").write_text("text")
    for name in ("cut.npz", "text.npz", "missing.npz"):
        assert not npz.holds(tmp_path / name, "logits")
