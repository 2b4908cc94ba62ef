"""Splits data without a test set: whole groups of each class, as links to the images or as two files of titles."""

import csv
import io
import os
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.data import groups, splits
from longtail.data.sources import titles
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.survey.images import Tracks, guess_group, tracks_of


def images(classes: dict[str, list[Path]], share: float) -> tuple[dict[str, dict[str, list[Path]]], Tracks | None]:
    """Training and test images by class, about `share` of each class for testing, and the tracks among them.

    Raises InputError for a class of a single image or group, which cannot be in both splits.
    """
    rule = guess_group({name: [file.name for file in paths] for name, paths in classes.items()})
    paths = [path for each in classes.values() for path in each]
    keys = [key for each in classes.values() for key in _keys(rule, each)]
    labels = np.repeat(np.arange(len(classes)), [len(each) for each in classes.values()]).astype(np.int64)
    held = _held(labels, keys, share, list(classes))
    found: dict[str, dict[str, list[Path]]] = {"train": {}, "test": {}}
    for label, name in enumerate(classes):
        for split, part in (("train", ~held), ("test", held)):
            found[split][name] = [paths[row] for row in np.flatnonzero((labels == label) & part)]
    return found, tracks_of(rule, classes) if rule else None


def _keys(rule: str | None, paths: list[Path]) -> list[str]:
    names = [path.name for path in paths]
    return groups.keys(rule, names) if rule else names


def _held(labels: NDArray[np.int64], keys: list[str], share: float, classes: list[str]) -> NDArray[np.bool_]:
    members = groups.numbered(keys, labels)
    held = splits.validation(labels, members, share, 0, classes)
    if empty := [name for label, name in enumerate(classes) if not held[labels == label].any()]:
        raise InputError(
            f"class '{empty[0]}' has a single image or group, which cannot be in both training and test: add "
            "some, or leave the class out"
        )
    return held


def link(tree: dict[str, dict[str, list[Path]]], target: Path) -> None:
    """Make a tree train/<class>/*, test/<class>/* of links to images. Raises InputError if `target` exists."""
    if target.exists():
        raise InputError(f"{target} exists already: remove it, or choose another --name")
    for split, folders in tree.items():
        for name, paths in folders.items():
            (target / split / name).mkdir(parents=True)
            for path in paths:
                os.symlink(path.resolve(), target / split / name / path.name)


def titles_of(file: Path, share: float) -> tuple[str, str, Counter[str]]:
    """The contents of train.csv and test.csv for a file of titles, and its titles of each class.

    Equal titles stay together. Raises InputError as the source `titles` does.
    """
    entries = titles.entries(file)
    classes = sorted({entry.label for entry in entries})
    if len(classes) < 2:
        raise InputError(f"{file}: '{classes[0]}' is the only class: at least two are needed")
    labels = np.array([classes.index(entry.label) for entry in entries], np.int64)
    held = _held(labels, [entry.item for entry in entries], share, classes)
    rows = [
        [(entry.item, entry.label) for entry, is_held in zip(entries, held, strict=True) if is_held == test]
        for test in (False, True)
    ]
    return _csv(rows[0]), _csv(rows[1]), Counter(entry.label for entry in entries)


def _csv(rows: list[tuple[str, str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("text", "label"), *rows])
    return text.getvalue()


def write_titles(target: Path, train: str, test: str) -> None:
    """Write train.csv and test.csv. Raises InputError if `target` exists."""
    if target.exists():
        raise InputError(f"{target} exists already: remove it, or choose another --name")
    target.mkdir(parents=True)
    files.write_text(target / "train.csv", train)
    files.write_text(target / "test.csv", test)
