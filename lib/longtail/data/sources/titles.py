"""`titles`: a person's own texts, UTF-8 files of lines `text<TAB>label`, or CSV with columns text and label."""

import csv
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data import lines, vocabulary
from longtail.data.arrays import Titles
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
FORM = "titles"
READS = ("data_dir", "titles")
Split = tuple[list[str], NDArray[np.int64]]


def read(settings: dict[str, Any], archive: str | None) -> Titles:
    """The files that `settings['titles']` names, below `data_dir`, in file order.

    A title of the training files that is one of the test or validation titles is left out, and so is one of the
    validation titles that is tested; how many is told in the log. Without validation files, the last
    `validation_per_class` training titles of each class are the validation split.
    Raises InputError, with file and line, for text that is not UTF-8, a line that is not a title and a label, an
    empty title, a label that is none of the classes, a class without titles, and vectors that do not fit.
    """
    return build(Path(settings["data_dir"]), settings["titles"])


def build(root: Path, wanted: dict[str, Any], apart: bool = True) -> Titles:
    """As `read`; titles that two splits share stay in both unless `apart`."""
    classes = _classes(root, wanted)
    if len(classes) < 2:
        raise InputError(f"{root}: all titles have the label '{classes[0]}': at least two classes are needed")
    train, validation, test = (_split(root, wanted[key], classes) for key in ("train", "validation", "test"))
    if apart:
        validation = _without(validation, [test], "validation")
        train = _without(train, [test, validation], "training")
    if held := wanted["validation_per_class"]:
        train, validation = _held_out(train, held, classes)
    _check_classes(train, test, classes, wanted)
    source = None if wanted["vocabulary"] is None else root / wanted["vocabulary"]
    characters = vocabulary.of(train[0]) if source is None else vocabulary.read(source)
    if wanted["vectors"] is None:
        vectors = vocabulary.drawn(characters, wanted["dimensions"])
    else:
        vectors = vocabulary.vectors(root / wanted["vectors"], characters, source)
    tables = [vocabulary.numbers(split[0], characters, wanted["length"]) for split in (train, test, validation)]
    return Titles(tables[0], train[1], tables[1], test[1], tables[2], validation[1], vectors, classes)


def _classes(root: Path, wanted: dict[str, Any]) -> list[str]:
    """Names by the classes file, a line each; else the labels of the training files, numbers in their order."""
    if wanted["classes"] is not None:
        path = root / wanted["classes"]
        names = [name.strip() for name in lines.read(path, "list of classes")]
        if len(set(names)) < len(names) or "" in names:
            raise InputError(f"{path}: a class has no name or that of another: write a name of its own in each line")
        return names
    found = {label for name in wanted["train"] for _, _, label in _entries(root / name)}
    return sorted(found, key=lambda label: (0, int(label), label) if label.isdecimal() else (1, 0, label))


def _split(root: Path, names: list[str], classes: list[str]) -> Split:
    numbers = {str(number): number for number in range(len(classes))} | {name: i for i, name in enumerate(classes)}
    titles, labels = [], []
    for path in (root / name for name in names):
        for where, title, label in _entries(path):
            if label not in numbers:
                known = ", ".join(classes[:12]) + (", …" if len(classes) > 12 else "")
                raise InputError(
                    f"{where}: label {label!r} is none of the {len(classes)} classes ({known}): correct it, or add "
                    "the class"
                )
            titles.append(title)
            labels.append(numbers[label])
    return titles, np.array(labels, np.int64)


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    """Where it stands, title and label of every entry of a file."""
    read = _rows(path) if path.suffix == ".csv" else _tabbed(path)
    for where, title, label in read:
        if not title:
            raise InputError(f"{where}: the title is empty: write one or remove the line")
        yield where, title, label


def _tabbed(path: Path) -> Iterator[tuple[str, str, str]]:
    for number, line in enumerate(lines.read(path, "file of titles"), start=1):
        if not line.strip():
            continue
        title, tab, label = line.rpartition("\t")
        where = f"{path}, line {number}"
        if not tab:
            raise InputError(f"{where}: '{line[:40]}' has no tab: write the title, a tab and its label")
        yield where, title.strip(), label.strip()


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    # A title in quotes may hold the end of a line.
    reader = csv.DictReader(f"{line}\n" for line in lines.read(path, "file of titles"))
    if not {"text", "label"} <= set(reader.fieldnames or []):
        raise InputError(f"{path}, line 1: must name the columns, 'text' and 'label' among them: add such a line")
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        if row["label"] is None:
            raise InputError(f"{where}: has fewer columns than line 1: complete it or remove it")
        yield where, row["text"].strip(), row["label"].strip()


def _without(split: Split, others: list[Split], name: str) -> Split:
    taken = {title for titles, _ in others for title in titles}
    kept = [row for row, title in enumerate(split[0]) if title not in taken]
    if left_out := len(split[0]) - len(kept):
        log.info(f"{left_out} {name} titles left out, which are validation or test titles too")
    return [split[0][row] for row in kept], split[1][kept]


def _held_out(train: Split, per_class: int, classes: list[str]) -> tuple[Split, Split]:
    titles, labels = train
    held = np.zeros(len(labels), bool)
    for label in range(len(classes)):
        held[np.flatnonzero(labels == label)[-per_class:]] = True
    # A title that occurs twice must not stand on both sides.
    validation = {title for title, is_held in zip(titles, held, strict=True) if is_held}
    twice = np.array([title in validation for title in titles], bool) & ~held
    if twice.any():
        log.info(f"{twice.sum()} training titles left out, which are validation titles too")

    def chosen(rows: NDArray[np.bool_]) -> Split:
        return [titles[row] for row in np.flatnonzero(rows)], labels[rows]

    return chosen(~held & ~twice), chosen(held)


def _check_classes(train: Split, test: Split, classes: list[str], wanted: dict[str, Any]) -> None:
    counts = np.bincount(train[1], minlength=len(classes))
    if not counts.all():
        raise InputError(
            f"{', '.join(wanted['train'])}: no training title is left of class '{classes[int(counts.argmin())]}': "
            "add some, or lower validation_per_class"
        )
    if not len(test[1]):
        raise InputError(f"{', '.join(wanted['test'])}: no title to test on: add some")
