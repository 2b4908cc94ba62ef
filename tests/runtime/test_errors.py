import os
import pickle

import pytest

from longtail.runtime.errors import InputError


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb\r\x1b\0", r"a\nb\r\x1b\x00"),
        ("a\x85b\u2028c", r"a\x85b\u2028c"),
        (os.fsdecode(b"caf\xe9"), r"caf\udce9"),
        ("“café” 数据\u00a0", "“café” 数据\u00a0"),
    ],
)
def test_whatever_it_quotes_it_is_a_line_that_can_be_printed(name: str, shown: str) -> None:
    error = InputError(f"{name}: rename it")

    assert str(error) == f"{shown}: rename it"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_middle_of_a_very_long_one_is_left_out() -> None:
    message = str(InputError(f"a.yaml, line 3: {'9' * 5000} is no number: correct it"))

    assert message.startswith("a.yaml, line 3: 999")
    assert message.endswith("999 is no number: correct it")
    assert " … " in message
    assert len(message) < 4000


def test_a_sentence_that_is_not_so_long_stays_whole() -> None:
    assert str(InputError("x" * 4000)) == "x" * 4000
