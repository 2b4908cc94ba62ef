import errno
import hashlib
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from longtail.runtime import files
from longtail.runtime.errors import InputError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results" / "metrics.json"


def assert_only(path, content):
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_file_appears_whole(path: Any) -> None:
    with files.whole(path) as handle:
        handle.write(b"first ")
        handle.flush()
        assert not path.exists()
        handle.write(b"second")
    assert_only(path, b"first second")


def test_the_old_file_stays_until_the_new_one_is_complete(path: Any) -> None:
    files.write_text(path, "old")
    with files.whole(path) as handle:
        handle.write(b"new")
        handle.flush()
        assert path.read_text() == "old"
    assert_only(path, b"new")


class Broken(Exception):
    """Anything that goes wrong while a file is written."""


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt])
def test_failure_leaves_what_was_there(path: Any, error: type) -> None:
    files.write_text(path, "old")

    def fail():
        with files.whole(path) as handle:
            handle.write(b"half of the n")
            raise error

    with pytest.raises(error):
        fail()
    assert_only(path, b"old")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_reported_and_the_old_file_stays(
    path: Any, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    files.write_text(path, "old")

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(InputError, match=r"cannot write .*metrics\.json: No space left on device: free space"):
        files.write_text(path, "new")
    monkeypatch.undo()
    assert_only(path, b"old")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_device_that_is_full(path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = open
    monkeypatch.setattr("builtins.open", lambda name, mode: real("/dev/full", mode))
    with pytest.raises(InputError, match=r"cannot write .*metrics\.json: No space left on device"):
        files.write_text(path, "new")
    monkeypatch.undo()
    assert list(path.parent.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any folder")
def test_folder_that_is_read_only(path: Any) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o500)
    with pytest.raises(InputError, match=r"cannot write .*metrics\.json: Permission denied: .*make it writable"):
        files.write_text(path, "new")
    path.parent.chmod(0o700)
    assert list(path.parent.iterdir()) == []


def test_folder_that_is_a_file(path: Any) -> None:
    path.parent.write_text("")
    with pytest.raises(InputError, match=r"cannot write .*metrics\.json: "):
        files.write_text(path, "new")
    assert path.parent.read_text() == ""


def test_json_of_equal_values_is_equal(path: Any) -> None:
    files.write_json(path, {"b": [1, 2.5], "a": None})
    first = path.read_bytes()
    files.write_json(path, {"a": None, "b": [1, 2.5]})
    assert_only(path, first)
    assert files.read_json(path) == {"a": None, "b": [1, 2.5]}
    assert first.endswith(b"\n")


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_json_holds_no_nan(path: Any, number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(path, {"ece": number})
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b'{"a": [1, 2', b"\xff\xfe\x00"])
def test_json_that_is_not_whole_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json is not readable JSON .*: delete it and run again"):
        files.read_json(tmp_path / "a.json")


def test_missing_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"b\.json is not readable JSON"):
        files.read_json(tmp_path / "b.json")


def test_hash_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert files.sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_json_that_lacks_a_key_is_refused(path: Any) -> None:
    files.write_json(path, {"counts": [1]})
    assert files.read_json(path, "counts") == {"counts": [1]}
    with pytest.raises(InputError, match=r"metrics\.json has no 'total': delete the file and run again"):
        files.read_json(path, "counts", "total")
    files.write_json(path, ["counts"])
    with pytest.raises(InputError, match=r"metrics\.json has no 'counts'"):
        files.read_json(path, "counts")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("nowhere", path)])
def test_what_is_no_file_is_refused_and_does_not_wait(tmp_path: Path, make: Callable[..., Any]) -> None:
    make(tmp_path / "a.json")
    with pytest.raises(InputError, match=r"a\.json is not readable JSON"):
        files.read_json(tmp_path / "a.json")
