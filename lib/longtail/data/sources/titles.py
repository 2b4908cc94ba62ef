"""`titles`: a user's own texts, UTF-8 files of lines `text<TAB>label`, or CSV with the columns text and label."""

import csv
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data import labels, lines, vocabulary
from longtail.data.forms.titles import Titles
from longtail.data.labels import Entry
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
FORM = "titles"
# Methods and recipes are those of LADC's Table 5, if a data set does not say otherwise.
LIKE = "thucnews"
SETTINGS = {
    "data_dir": {"type": "string", "path": "folder", "description": "the folder of its files of titles"},
    "titles": {
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "description": "the files, below data_dir, and what titles become",
        "properties": {
            "train": {
                "type": "array",
                "items": {"type": "string"},
                "default": ["train.txt"],
                "description": "UTF-8 files of training titles: a line `text<TAB>label` each, or .csv with columns "
                "text and label",
            },
            "validation": {
                "type": "array",
                "items": {"type": "string"},
                "default": [],
                "description": "the same for the split that early stopping looks at",
            },
            "validation_per_class": {
                "type": "integer",
                "minimum": 0,
                "default": 0,
                "description": "so many last training titles of each class are validation titles instead",
            },
            "test": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string"},
                "default": ["test.txt"],
                "description": "the same for the test titles",
            },
            "classes": {
                "type": ["string", "null"],
                "default": None,
                "description": "a file with the name of a class a line; labels are these names, or all are "
                "numbers, 0 for the first (null, the classes are the labels of the training files)",
            },
            "vocabulary": {
                "type": ["string", "null"],
                "default": None,
                "description": "a file with a character a line, `<UNK>` and `<PAD>` among them (null, the "
                "characters of the training titles)",
            },
            "vectors": {
                "type": ["string", "null"],
                "default": None,
                "description": "an .npz with an array `embeddings`, a row for each character of the "
                "vocabulary file (null, drawn at random)",
            },
            "dimensions": {
                "type": "integer",
                "minimum": 1,
                "default": 300,
                "description": "numbers in a vector that is drawn",
            },
            "length": {
                "type": "integer",
                "minimum": 4,
                "default": 32,
                "description": "characters that a title is cut or padded to",
            },
        },
    },
}
SPLITS = ("train", "validation", "test")
WHAT = "file of titles"
COLUMNS = ["text", labels.HEAD]
Split = tuple[list[str], NDArray[np.int64]]


def side(settings: dict[str, Any]) -> int:
    """Number of characters of a title."""
    return int(settings["titles"]["length"])


def has_validation(settings: dict[str, Any]) -> bool:
    """Whether there is a validation split for early stopping."""
    return bool(settings["titles"]["validation"] or settings["titles"]["validation_per_class"])


def files(settings: dict[str, Any]) -> dict[str, list[Path]]:
    """The files of titles, classes, vocabulary and vectors, by the key that names them."""
    root, named = Path(settings["data_dir"]), settings["titles"]
    read = {f"titles.{key}": [root / name for name in named[key]] for key in SPLITS}
    also = ("classes", "vocabulary", "vectors")
    return read | {f"titles.{key}": [root / named[key]] for key in also if named[key] is not None}


def check(settings: dict[str, Any], where: str) -> None:
    """Raises InputError, beginning with `where`, for settings that contradict each other."""
    named = settings["titles"]
    if not named["train"]:
        raise InputError(f"{where}, key 'titles.train': names no file: name one at least")
    if named["validation"] and named["validation_per_class"]:
        raise InputError(
            f"{where}, key 'titles.validation_per_class': the files of 'titles.validation' are that split: remove one"
        )
    if named["vectors"] is not None and named["vocabulary"] is None:
        raise InputError(f"{where} lacks the key 'titles.vocabulary': name the file that belongs to 'titles.vectors'")


def read(settings: dict[str, Any], archive: str | None) -> Titles:
    """The files that `settings['titles']` names, below `data_dir`, in file order.

    Labels and their classes follow the rules of `data.labels`. Training titles that are also test or validation
    titles are left out, and so are validation titles that are also test titles; their numbers are logged. Without
    validation files, the last `validation_per_class` training titles of each class are the validation split.
    Raises InputError, with file and line, for text that is not UTF-8, a line that is not a title and a label, an
    empty title, an unknown label, a class without titles, and vectors that do not match the vocabulary.
    """
    return build(Path(settings["data_dir"]), settings["titles"])


def class_sizes(settings: dict[str, Any]) -> tuple[int, ...]:
    """Training titles of each class; raises InputError as `read` does."""
    check(settings, settings["data_dir"])
    train, _, _, classes = _splits(Path(settings["data_dir"]), settings["titles"], apart=True)
    return tuple(np.bincount(train[1], minlength=len(classes)).tolist())


def build(root: Path, options: dict[str, Any], apart: bool = True) -> Titles:
    """Like `read`; titles that two splits share are left out of one of them only if `apart`."""
    train, validation, test, classes = _splits(root, options, apart)
    source = None if options["vocabulary"] is None else root / options["vocabulary"]
    characters = vocabulary.of(train[0]) if source is None else vocabulary.read(source)
    if options["vectors"] is None:
        vectors = vocabulary.drawn(characters, options["dimensions"])
    else:
        vectors = vocabulary.vectors(root / options["vectors"], characters, source)
    tables = [vocabulary.numbers(split[0], characters, options["length"]) for split in (train, test, validation)]
    ordered = vocabulary.characters(characters)
    return Titles(tables[0], train[1], tables[1], test[1], tables[2], validation[1], vectors, classes, ordered)


def _splits(root: Path, options: dict[str, Any], apart: bool) -> tuple[Split, Split, Split, list[str]]:
    """Titles for training, validation and testing, and the classes."""
    listed = {key: [entry for name in options[key] for entry in entries(root / name)] for key in SPLITS}
    classes, numbers = _classes(root, options, listed)
    train, validation, test = (_split(listed[key], numbers) for key in SPLITS)
    if apart:
        validation = _without(validation, [test], "validation")
        train = _without(train, [test, validation], "training")
    if held := options["validation_per_class"]:
        train, validation = _held_out(train, held, classes)
    _check_classes(train, test, classes, options)
    return train, validation, test, classes


def _classes(
    root: Path, options: dict[str, Any], entries: dict[str, list[Entry]]
) -> tuple[list[str], dict[str, int]]:
    """Names of the classes, and the number of each label."""
    train, others = entries["train"], entries["validation"] + entries["test"]
    if options["classes"] is None:
        numbers = labels.by_training(train, others)
        return list(numbers), numbers
    written = lines.filled(root / options["classes"], "list of classes")
    names = [labels.read(where, "", name) for where, name in written]
    return [name.label for name in names], labels.by_names(names, train + others)


def _split(entries: list[Entry], numbers: dict[str, int]) -> Split:
    return [entry.item for entry in entries], np.array([numbers[entry.label] for entry in entries], np.int64)


def entries(path: Path) -> list[Entry]:
    """All titles of a file. Its first line may name the columns; in a .csv file it must."""
    rows = _rows(path) if path.suffix.lower() == ".csv" else _tabbed(path)
    found = [labels.read(where, title, label) for where, title, label in rows]
    if not found:
        raise InputError(f"the {WHAT} {path} is empty: fill it or name another")
    for where, title, _ in found:
        if not title:
            raise InputError(f"{where}: the title is empty: write one or remove the line")
    return found


def _tabbed(path: Path) -> Iterator[tuple[str, str, str]]:
    for number, (where, line) in enumerate(lines.filled(path, WHAT)):
        fields = line.split("\t")
        if len(fields) != 2:
            tabs = "no tab" if len(fields) == 1 else f"{len(fields) - 1} tabs"
            raise InputError(f"{where}: {line[:40]!r} has {tabs}: write the title, one tab and its label")
        if number > 0 or _heads(fields) != COLUMNS:
            yield where, fields[0], fields[1]


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    heads: list[str] = []
    for where, row in _parsed(path):
        if not heads:
            heads = _heads(row)
            if any(heads.count(name) != 1 for name in COLUMNS):
                raise InputError(f"{where}: must name the columns, 'text' and 'label' once each: write such a line")
        elif len(row) != len(heads):
            raise InputError(
                f"{where}: has {len(row)} column(s), not the {len(heads)} that the first line names: put a title "
                "with a comma in quotes"
            )
        else:
            yield where, row[heads.index(COLUMNS[0])], row[heads.index(COLUMNS[1])]


def _parsed(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Every row of a CSV file, with the line where it starts: a quoted title may contain line breaks."""
    file_lines = lines.read(path, WHAT)
    reader = csv.reader((f"{line}\n" for line in file_lines), strict=True)
    while (begins := reader.line_num) < len(file_lines):
        where = f"{path}, line {begins + 1}"
        try:
            row = next(reader)
        except csv.Error as error:
            raise InputError(
                f'{where}: is no row of CSV ({error}): close its quotes, write "" for each inside them, or shorten it'
            ) from error
        if file_lines[begins].strip():
            yield where, row


def _heads(fields: list[str]) -> list[str]:
    return [field.strip().lower() for field in fields]


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
    # A title that occurs twice must not be in both splits.
    validation = {title for title, is_held in zip(titles, held, strict=True) if is_held}
    twice = np.array([title in validation for title in titles], bool) & ~held
    if twice.any():
        log.info(f"{twice.sum()} training titles left out, which are validation titles too")

    def chosen(rows: NDArray[np.bool_]) -> Split:
        return [titles[row] for row in np.flatnonzero(rows)], labels[rows]

    return chosen(~held & ~twice), chosen(held)


def _check_classes(train: Split, test: Split, classes: list[str], options: dict[str, Any]) -> None:
    counts = np.bincount(train[1], minlength=len(classes))
    if not counts.all():
        raise InputError(
            f"{', '.join(options['train'])}: no training title is left of class '{classes[int(counts.argmin())]}': "
            "add some, or lower validation_per_class"
        )
    if not len(test[1]):
        raise InputError(f"{', '.join(options['test'])}: no title to test on: add some")
