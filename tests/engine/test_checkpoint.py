import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from longtail.engine import checkpoint
from longtail.runtime.errors import InputError


def state():
    tensors = {"weight": torch.arange(12.0).reshape(3, 4), "steps": torch.tensor(7)}
    return {"module": tensors, "progress": {"epoch": 3, "history": [{"loss": 0.5, "test_top1": None}]}, "key": "ab"}


def test_state_survives_its_file(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.pt", state())
    loaded = checkpoint.load(tmp_path / "a.pt")
    tensors, expected = loaded.pop("module"), state()
    for name, value in expected.pop("module").items():
        assert torch.equal(tensors[name], value)
        assert tensors[name].dtype == value.dtype
    assert loaded == expected


def test_equal_states_give_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    paths = [tmp_path / "a.pt", tmp_path / "b.pt", tmp_path / "elsewhere" / "longer_name.pt"]
    for path in paths:
        checkpoint.save(path, state())
    checkpoint.save(tmp_path / "again.pt", checkpoint.load(paths[0]))
    assert len({path.read_bytes() for path in [*paths, tmp_path / "again.pt"]}) == 1


@pytest.mark.parametrize("share", [0, 0.01, 0.2, 0.5, 0.8, 0.99])
def test_file_that_was_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, state())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"last\.pt is not a whole checkpoint .*: delete it and run again"):
        checkpoint.load(path)


@pytest.mark.parametrize("content", [b"hello", b"\x00" * 100, bytes(range(256)), b"PK\x03\x04 and no more"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a whole checkpoint"):
        checkpoint.load(path)


class Trap:
    """Unpickling this would make a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2))])
def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, save: Callable[..., Any]) -> None:
    save({"weight": torch.zeros(2), "trap": Trap(tmp_path / "made")}, tmp_path / "last.pt")
    with pytest.raises(InputError, match=r"last\.pt is not a whole checkpoint"):
        checkpoint.load(tmp_path / "last.pt")
    assert not (tmp_path / "made").exists()


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.pt is not a whole checkpoint"):
        checkpoint.load(tmp_path / "missing.pt")


def test_a_changed_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"weight": torch.ones(50)})
    content = bytearray(path.read_bytes())
    content[content.index(torch.ones(50).numpy().tobytes()) + 42] ^= 1
    path.write_bytes(content)
    assert torch.load(path, weights_only=True)["weight"].sum() != 50  # which compares no checksums
    with pytest.raises(
        InputError, match=r"last\.pt is not a whole checkpoint \(.*data/0 does not match its checksum\)"
    ):
        checkpoint.load(path)
