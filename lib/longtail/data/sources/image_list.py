"""`image_list`: text lists of image files with labels, as ImageNet-LT, Places-LT and iNaturalist 2018 come in."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data.arrays import Files
from longtail.runtime import image_tree
from longtail.runtime.errors import InputError

READS = ("data_dir", "train_list", "test_list")
Labels = NDArray[np.int64]
LINE = re.compile(r"\s*([^\s/].*?)\s+([0-9]{1,9})\s*")


def read(settings: dict[str, Any], archive: str | None) -> Files:
    """Files and labels as `train_list` and `test_list` have them, line by line; the images stand below `data_dir`.

    A class is named by the folder of its training images where every class has one of its own, else by its number.
    Raises InputError for a list that is missing, empty or malformed, for labels of which one is not trained on, and
    for images that are not there.
    """
    root = Path(settings["data_dir"])
    train, test = Path(settings["train_list"]), Path(settings["test_list"])
    train_files, train_labels = _entries(train)
    test_files, test_labels = _entries(test)
    _check_labels(train, train_labels, test, test_labels)
    for path, files in ((train, train_files), (test, test_files)):
        _check_existence(path, files, root)
    names = _class_names(train_files, train_labels)
    return Files(str(root), np.array(train_files), np.array(test_files), train_labels, test_labels, names)


def _entries(path: Path) -> tuple[list[str], Labels]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"cannot read the image list {path} ({reason}): correct its path or replace it") from error
    files, labels = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise InputError(f"{path}, line {number}: '{line}' must be 'relative/path.jpg label', labels from 0")
        files.append(match[1])
        labels.append(int(match[2]))
    if not files:
        raise InputError(f"the image list {path} is empty: write a line 'relative/path.jpg label' for each image")
    return files, np.array(labels, np.int64)


def _check_labels(train: Path, train_labels: Labels, test: Path, test_labels: Labels) -> None:
    trained = np.unique(train_labels)
    if trained[-1] >= len(trained):
        gap = np.flatnonzero(trained != np.arange(len(trained)))[0]
        raise InputError(f"{train}: no image has label {gap}, but one has {trained[-1]}: number the classes from 0")
    if len(trained) < 2:
        raise InputError(f"{train}: all images have label 0: at least two classes are needed")
    if test_labels.max() >= len(trained):
        raise InputError(
            f"{test}: label {test_labels.max()} is none of the {len(trained)} of {train}: "
            "name two lists of one data set"
        )


def _check_existence(path: Path, files: list[str], root: Path) -> None:
    for file in files:
        image_tree.check_format(root / file)
    missing = list(_missing(files, root))
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of its {len(files)} images are not below {root}, '{missing[0]}' is the first: "
            "correct data_dir or complete the images"
        )


def _missing(files: list[str], root: Path) -> Iterator[str]:
    """Files that are not there, from one listing a folder: asking for each alone takes minutes on a slow disk."""
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
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return set()


def _class_names(files: list[str], labels: Labels) -> list[str]:
    folders: dict[int, set[str]] = {}
    for file, label in zip(files, labels.tolist(), strict=True):
        folders.setdefault(label, set()).add(os.path.dirname(file))
    every = set.union(*folders.values())
    if len(every) != len(folders) or any(len(own) > 1 for own in folders.values()):
        return [str(label) for label in sorted(folders)]
    shared = os.path.commonpath(every)
    return [min(folders[label]).removeprefix(shared).lstrip("/") or str(label) for label in sorted(folders)]
