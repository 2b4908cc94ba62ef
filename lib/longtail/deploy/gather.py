"""The examples that a person names on the command line: pictures in files and folders, titles in text files."""

import csv
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from longtail.data import lines
from longtail.runtime import image_tree
from longtail.runtime.errors import InputError

COLUMN = "text"
WHAT = "file of titles"


class Found(NamedTuple):
    """Pictures, and how many other files of the folders were left out because their names are not those of images."""

    paths: list[Path]
    others: int


class Title(NamedTuple):
    """A title with the file and the line that it stands in."""

    path: Path
    line: int
    text: str


def pictures(given: Iterable[Path]) -> Found:
    """All given files, and all images in the given folders and the folders in them, sorted by name; hidden ones not.

    Raises InputError for a path that is missing, and if there is no picture at all.
    """
    given = list(given)
    paths: list[Path] = []
    others = 0
    for path in given:
        if path.is_dir():
            inside = list(_files(path))
            images = [file for file in inside if file.suffix.lower() in image_tree.IMAGES]
            paths += images
            others += len(inside) - len(images)
        elif path.exists():
            paths.append(path)
        else:
            raise InputError(f"there is no file or folder {path}: correct its path")
    if not paths:
        raise InputError(f"{_listed(given)} has no picture: name a folder with images, or the files of images")
    return Found(paths, others)


def titles(given: Iterable[Path]) -> list[Title]:
    """All titles of text files with a title a line, and of CSV files with a column `text`.

    What stands behind a tab in a line, such as the label in a file of training titles, is left out. Raises InputError
    for a folder, for a file that is not UTF-8 text, and for a CSV file without such a column.
    """
    found: list[Title] = []
    for path in given:
        if path.is_dir():
            raise InputError(f"{path} is a folder, and this model takes titles: name .txt or .csv files")
        found += _rows(path) if path.suffix.lower() == ".csv" else _lines(path)
    if not found:
        raise InputError(f"{_listed(list(given))} has no title: write one a line")
    return found


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root) / name for name in sorted(names) if not name.startswith("."))


def _lines(path: Path) -> Iterator[Title]:
    for number, line in enumerate(lines.read(path, WHAT), start=1):
        if text := line.partition("\t")[0].strip():
            yield Title(path, number, text)


def _rows(path: Path) -> Iterator[Title]:
    reader = csv.reader((f"{line}\n" for line in lines.read(path, WHAT)), strict=True)
    try:
        heads = [head.strip().lower() for head in next(reader)]
        if heads.count(COLUMN) != 1:
            raise InputError(f"{path}, line 1: must name the columns, '{COLUMN}' once among them: write such a line")
        begins = reader.line_num + 1
        for row in reader:
            text = row[heads.index(COLUMN)].strip() if len(row) > heads.index(COLUMN) else ""
            if text:
                yield Title(path, begins, text)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: is no row of CSV ({error}): close its quotes") from error


def _listed(given: list[Path]) -> str:
    return ", ".join(map(str, given))
