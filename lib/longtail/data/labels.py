"""Labels in text files, and the numbers of their classes; the rules are the same for all files with labels.

White space around a label is ignored. Two different labels are two classes; labels that look alike are rejected, so
that no class is split in two by accident.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from longtail.runtime.errors import InputError

# The head of the column of labels, which may be in the first line of a file.
HEAD = "label"
WHOLE = re.compile(r"(\d+)(?:\.0+)?")
# Unicode's category of characters without a glyph, such as a byte order mark or a zero-width space.
INVISIBLE = "Cf"
# Control characters and line separators.
CONTROL = {"Cc", "Zl", "Zp"}


class Entry(NamedTuple):
    """An item (a text, or the file of an image) with its label, and `where` it is written: file and line."""

    where: str
    item: str
    label: str


def read(where: str, item: str, label: str) -> Entry:
    """The entry of a line, with its fields stripped.

    Raises InputError for a label that is empty, has a control character, or is the head of its column.
    """
    label = label.strip()
    if not _look(label):
        raise InputError(f"{where}: the label is empty: write one or remove the line")
    if any(unicodedata.category(character) in CONTROL for character in label):
        raise InputError(f"{where}: the label {label[:40]!r} has a control character: write it without")
    if label.casefold() == HEAD:
        raise InputError(f"{where}: '{label}' is the head of a column and no label: remove the line")
    return Entry(where, item.strip(), label)


def by_training(train: list[Entry], others: list[Entry]) -> dict[str, int]:
    """The number of each label's class, from the labels of the training files: digits first, by value, then texts.

    Raises InputError, with file and line, for a single class, for labels that look alike, and for a label of
    `others` that no training file has.
    """
    _check_several(train)
    _check_alike([*train, *others])
    numbers = {label: number for number, label in enumerate(sorted({entry.label for entry in train}, key=_order))}
    for entry in others:
        if entry.label not in numbers:
            raise InputError(
                f"{entry.where}: label '{entry.label}' is none of the {len(numbers)} of the training files "
                f"({_some(numbers)}): correct it, or add training lines with it"
            )
    return numbers


def by_names(names: list[Entry], entries: list[Entry]) -> dict[str, int]:
    """The number of each label's class, if a file lists the names of the classes in order of their numbers from 0.

    Either all labels are names or all are numbers. Raises InputError, with file and line, for a label that is
    neither, for a single class, for labels or names that look alike, and if both readings are possible but differ.
    """
    _check_several(names)
    _check_names(names)
    _check_alike(entries)
    readings = [{entry.label: i for i, entry in enumerate(names)}, {str(i): i for i in range(len(names))}]
    for entry in entries:
        readings = [numbers for numbers in readings if entry.label in numbers]
        if not readings:
            _check_alike([*names, entry])
            raise InputError(
                f"{entry.where}: label '{entry.label}' does not fit: write in all files the names of the classes "
                f"({_some(name.label for name in names)}), or in all their numbers, 0 to {len(names) - 1}"
            )
    for entry in entries:
        if len({numbers[entry.label] for numbers in readings}) > 1:
            raise InputError(
                f"{entry.where}: label '{entry.label}' is the number of one class and the name of another: "
                "name the classes by more than digits"
            )
    return readings[0]


def _check_several(entries: list[Entry]) -> None:
    where, _, label = entries[0]
    if all(entry.label == label for entry in entries):
        raise InputError(f"{where}: '{label}' is the only class: at least two are needed")


def _check_names(names: list[Entry]) -> None:
    first: dict[str, Entry] = {}
    for name in names:
        if (known := first.setdefault(name.label, name)) is not name:
            raise InputError(f"{name.where}: '{name.label}' stands in {known.where} too: name each class once")
    _check_alike(names)


def _check_alike(entries: list[Entry]) -> None:
    """Raises InputError for two labels that look the same but differ."""
    distinct: dict[str, Entry] = {}
    for entry in entries:
        distinct.setdefault(entry.label, entry)
    first: dict[str, Entry] = {}
    for entry in distinct.values():
        if (known := first.setdefault(_look(entry.label), entry)) is not entry:
            raise InputError(
                f"{entry.where}: label {entry.label!a} looks like {known.label!a} of {known.where}, but is written "
                "otherwise: write both the same"
            )


def _look(label: str) -> str:
    """A form of the label that is equal for labels that look alike: é in one or two characters; 1, 01 and 1.0."""
    glyphs = "".join(character for character in label if unicodedata.category(character) != INVISIBLE)
    seen = unicodedata.normalize("NFC", " ".join(glyphs.split()))
    whole = WHOLE.fullmatch(seen)
    return _digits(whole[1]) if whole else seen


def _order(label: str) -> tuple[int, int, str, str]:
    digits = _digits(label) if label.isdecimal() else ""
    return (0, len(digits), digits, label) if digits else (1, 0, "", label)


def _digits(number: str) -> str:
    """Decimal digits of any script as 0 to 9, without leading zeros. Not by int(), which takes at most 4,300."""
    return "".join(str(unicodedata.decimal(digit)) for digit in number).lstrip("0") or "0"


def _some(labels: Iterable[str]) -> str:
    every = list(labels)
    return ", ".join(every[:12]) + (", …" if len(every) > 12 else "")
