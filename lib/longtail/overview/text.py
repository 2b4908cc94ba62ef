"""Plain text in aligned columns."""

import textwrap
from collections.abc import Iterable, Sequence

from longtail.runtime.letters import room

WIDTH = 100


def table(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of columns two spaces apart, the first `left` of them flush left and the others flush right."""
    widths = [max(map(room, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_cells(row, widths, left)).rstrip() for row in rows]


def notes(sentences: Iterable[str]) -> list[str]:
    """Lines of sentences, one below the other."""
    return [line for sentence in sentences for line in textwrap.wrap(sentence, WIDTH, subsequent_indent="  ")]


def span(seconds: float) -> str:
    """`42 s`, `12 min`, `3.4 h` or `4.7 days`."""
    for unit, length, digits, limit in (("s", 1, 0, 60), ("min", 60, 0, 60), ("h", 3600, 1, 48)):
        # A number that rounds up to the next unit is shown in that unit.
        if round(seconds / length, digits) < limit:
            return f"{seconds / length:.{digits}f} {unit}"
    return f"{seconds / 86400:.1f} days"


def count(number: int, word: str) -> str:
    """`1 training` or `2,000 trainings`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _cells(row: Sequence[str], widths: Sequence[int], left: int) -> list[str]:
    blanks = [" " * (width - room(cell)) for cell, width in zip(row, widths, strict=True)]
    return [
        cell + blank if number < left else blank + cell
        for number, (cell, blank) in enumerate(zip(row, blanks, strict=True))
    ]
