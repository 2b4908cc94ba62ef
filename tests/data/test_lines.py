from pathlib import Path
from typing import Any

import pytest

from longtail.data import lines
from longtail.runtime.errors import InputError


@pytest.fixture
def written(tmp_path):
    def write(content):
        (tmp_path / "a.txt").write_bytes(content)
        return tmp_path / "a.txt"

    return write


@pytest.mark.parametrize(
    "content",
    [
        b"one\n\nt\xc3\xbco",
        b"one\n\nt\xc3\xbco\n",
        b"one\r\n\r\nt\xc3\xbco\r\n",
        b"\xef\xbb\xbfone\n\nt\xc3\xbco",
    ],
    ids=["no-end", "end", "windows", "mark"],
)
def test_lines_are_the_same_whatever_their_ends_and_marks(written: Any, content: bytes) -> None:
    path = written(content)
    assert lines.read(path, "list") == ["one", "", "tüo"]
    assert lines.filled(path, "list") == [(f"{path}, line 1", "one"), (f"{path}, line 3", "tüo")]


def test_only_a_line_feed_ends_a_line(written: Any) -> None:
    assert lines.read(written("a\rb\u2028c\x0bd\n \n".encode()), "list") == ["a\rb\u2028c\x0bd", " "]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a\ncafé\n".encode("latin-1"), "a.txt, line 2: not UTF-8 text: save the list in UTF-8"),
        ("a\nb\n".encode("utf-16"), "a.txt, line 1: not UTF-8 text: save the list in UTF-8"),
        (
            "a\nb\n".encode("utf-16-le"),
            "a.txt, line 1: has a NUL character, which is no text: save the list in UTF-8",
        ),
        (b"a\nb\0\n", "a.txt, line 2: has a NUL character"),
        (b"\xef\xbb\xbf\n \r\n", "a.txt is empty: fill it or name another"),
        (b"", "a.txt is empty"),
    ],
    ids=["latin-1", "utf-16", "utf-16-without-mark", "nul", "blank", "empty"],
)
def test_invalid_text_is_reported_with_file_and_line(written: Any, content: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        lines.read(written(content), "list")
    assert said in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the list .*none\.txt \(No such file or directory\): correct"):
        lines.read(tmp_path / "none.txt", "list")
