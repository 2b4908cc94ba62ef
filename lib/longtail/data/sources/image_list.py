"""`image_list`: text lists of image files with labels, the format of ImageNet-LT, Places-LT and iNaturalist 2018."""

import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data import groups, labels, lines
from longtail.data.forms.files import Files
from longtail.data.labels import Entry
from longtail.runtime import image_tree
from longtail.runtime.errors import InputError

log = logging.getLogger(__name__)
SETTINGS = {
    "data_dir": {"type": "string", "path": "folder", "description": "the folder that the lists' paths start from"},
    "train_list": {
        "type": "string",
        "path": "file",
        "description": "the text file with a line `relative/path.jpg label` for each training image, labels "
        "from 0 or from 1",
    },
    "test_list": {"type": "string", "path": "file", "description": "the same for the test images"},
    "group": {
        "type": ["string", "null"],
        "default": None,
        "description": "a regular expression; what its first group finds in the path of a training image, with the "
        "label, names the images that no split divides (null: each image by itself)",
    },
}
STREAMED = True
AWAITS_COPY = True
WHAT = "image list"
COLUMNS = ["path", labels.HEAD]
# A path relative to data_dir; a carriage return in it would be an unknown kind of line end.
FILE = re.compile(r"\s*[^\s/][^\r]*")
NUMBER = re.compile("[0-9]{1,9}")


def grouped(settings: dict[str, Any]) -> bool:
    """Whether images belong to groups."""
    return settings["group"] is not None


def check(settings: dict[str, Any], where: str) -> None:
    """Raises InputError for a wrong group rule; the lists themselves are checked when they are read."""
    if (rule := settings["group"]) is None:
        return
    groups.check(rule, where)
    classes: dict[str, list[str]] = {}
    for entry in _entries(Path(settings["train_list"])):
        classes.setdefault(entry.label, []).append(entry.item)
    groups.check_names(rule, classes, where)


def groups_of(settings: dict[str, Any]) -> list[str]:
    """The name of the group of each training image, in the order of `read`; unique only within a class."""
    return groups.keys(settings["group"], [entry.item for entry in _entries(Path(settings["train_list"]))])


def class_sizes(settings: dict[str, Any]) -> tuple[int, ...]:
    """Training images of each class in the list, whose other mistakes are ignored here."""
    all_lines = Path(settings["train_list"]).read_text(errors="replace").splitlines()
    written = [line.split()[-1] for line in all_lines if line.strip()]
    return tuple(Counter(label for label in written if label.isdecimal()).values())


def read(settings: dict[str, Any], archive: str | None) -> Files:
    """Files and labels from `train_list` and `test_list`, line by line; the images are below `data_dir`.

    Classes are in the order of their labels, numbers from 0 or from 1. A class has the name of the folder of its
    training images if every class has one of its own, else its label. The number of repeated images is logged.
    Raises InputError for a list that is missing, empty or malformed, for a label without training images, for an
    image with two labels in one list, and for missing images.
    """
    root = Path(settings["data_dir"])
    paths = [Path(settings[key]) for key in ("train_list", "test_list")]
    train, test = map(_entries, paths)
    numbers = labels.by_training(train, test)
    _check_numbers(train, numbers)
    _report_again(paths, train, test)
    for path, entries in zip(paths, (train, test), strict=True):
        _check_existence(path, [entry.item for entry in entries], root)
    (train_files, train_labels), (test_files, test_labels) = (_arrays(entries, numbers) for entries in (train, test))
    names = _class_names(train, list(numbers))
    return Files(str(root), train_files, test_files, train_labels, test_labels, names)


def _arrays(entries: list[Entry], numbers: dict[str, int]) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    files = np.array([entry.item for entry in entries])
    return files, np.array([numbers[entry.label] for entry in entries], np.int64)


def _entries(path: Path) -> list[Entry]:
    """All entries of a list, whose first line may name the columns."""
    entries = []
    for number, (where, line) in enumerate(lines.filled(path, WHAT)):
        fields = line.rsplit(maxsplit=1)
        if number == 0 and [field.strip().lower() for field in fields] == COLUMNS:
            continue
        if len(fields) < 2 or not FILE.fullmatch(fields[0]) or not NUMBER.fullmatch(fields[1]):
            raise InputError(f"{where}: {line[:80]!r} must be 'relative/path.jpg label', labels from 0 or 1")
        entries.append(labels.read(where, *fields))
    if not entries:
        raise InputError(f"the {WHAT} {path} is empty: fill it or name another")
    return entries


def _check_numbers(train: list[Entry], numbers: dict[str, int]) -> None:
    first = int(next(iter(numbers)))
    for expected, label in enumerate(numbers, start=min(first, 1)):
        if int(label) != expected:
            where = next(entry.where for entry in train if entry.label == label)
            raise InputError(
                f"{where}: label {label}, but no training image has label {expected}: number the classes without a "
                "gap, from 0 or from 1"
            )


def _report_again(paths: list[Path], train: list[Entry], test: list[Entry]) -> None:
    """Log how many lines repeat an image of their own list or of the other one."""
    trained, tested = _different(train), _different(test)
    for path, entries, different in ((paths[0], train, trained), (paths[1], test, tested)):
        if again := len(entries) - len(different):
            log.info(f"{path}: {again} lines name an image of an earlier line again, with the same label")
    if both := trained.keys() & tested.keys():
        other = sum(trained[file].label != tested[file].label for file in both)
        log.info(f"{paths[1]}: {len(both)} images are training images too, {other} of them with another label")


def _different(entries: list[Entry]) -> dict[str, Entry]:
    """The entry of each image of a list; raises InputError for an image with two labels."""
    first: dict[str, Entry] = {}
    for entry in entries:
        known = first.setdefault(os.path.normpath(entry.item), entry)
        if known.label != entry.label:
            raise InputError(
                f"{entry.where}: '{entry.item}' has label {entry.label}, and label {known.label} in {known.where}: "
                "remove one"
            )
    return first


def _check_existence(path: Path, files: list[str], root: Path) -> None:
    for file in files:
        image_tree.check_format(root / file)
    missing = list(_missing(files, root))
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of its {len(files)} images are not below {root}, {missing[0]!r} is the first: "
            "correct data_dir or complete the images"
        )


def _missing(files: list[str], root: Path) -> Iterator[str]:
    """The missing files. Each folder is listed once: checking file by file takes minutes on a slow disk."""
    held: dict[str, set[str]] = {}
    for file in files:
        folder, name = os.path.split(file)
        if folder not in held:
            held[folder] = _listing(root / folder)
        if name not in held[folder]:
            yield file


def _listing(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if _is_file(entry)}
    except OSError:
        return set()


def _is_file(entry: os.DirEntry[str]) -> bool:
    # Links are checked one by one: DirEntry.is_file raises an error for a circular link.
    return os.path.isfile(entry.path) if entry.is_symlink() else entry.is_file()


def _class_names(train: list[Entry], own: list[str]) -> list[str]:
    """Names of the classes in the order of their labels `own`."""
    folders: dict[str, set[str]] = {label: set() for label in own}
    for entry in train:
        folders[entry.label].add(os.path.dirname(entry.item))
    every = set.union(*folders.values())
    if len(every) != len(folders) or any(len(those) > 1 for those in folders.values()):
        return [str(int(label)) for label in own]
    shared = os.path.commonpath(every)
    return [min(folders[label]).removeprefix(shared).lstrip("/") or str(int(label)) for label in own]
