import pytest

from longtail.overview import text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (750, "12 min"),
        (3569, "59 min"),
        (3590, "1.0 h"),
        (12_240, "3.4 h"),
        (172_000, "47.8 h"),
        (172_790, "2.0 days"),
        (406_080, "4.7 days"),
    ],
)
def test_a_span_of_time_in_its_unit(seconds: float, expected: str) -> None:
    assert text.span(seconds) == expected


def test_columns_of_wide_letters_line_up() -> None:
    assert text.table([("长尾", "1"), ("abc", "12")]) == ["长尾   1", "abc   12"]


def test_columns_line_up() -> None:
    rows = [("", "cells"), ("long name", "3"), ("b", "12")]

    assert text.table(rows) == ["           cells", "long name      3", "b             12"]
    assert text.table(rows, left=2) == ["           cells", "long name  3", "b          12"]


def test_notes_fit_a_terminal() -> None:
    lines = text.notes(["word " * 50, "short"])

    assert max(map(len, lines)) <= 100
    assert [line.startswith("  ") for line in lines] == [False, True, True, False]


def test_counting() -> None:
    assert (text.count(1, "cell"), text.count(2000, "cell")) == ("1 cell", "2,000 cells")
