"""Looks at a folder of images: classes, sizes, modes, copies across splits, unreadable files, names of tracks."""

import hashlib
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from longtail.data import decode, groups
from longtail.runtime import image_tree
from longtail.runtime.errors import InputError

# Channel means are those of at most so many training images.
SAMPLE = 500
# A rule is proposed where names look like tracks: everything before a last number, with several images on average.
RULES = (r"^(\d+)_\d+\.", r"^(.+)[_-](?:frame|img)?\d+\.")
LEAST_IN_GROUP = 3


@dataclass(frozen=True)
class Tracks:
    """A group rule that fits the names of the training images, and the number of images in each group."""

    rule: str
    sizes: list[int]


@dataclass(frozen=True)
class Images:
    """What a survey found. `sizes` are widths and heights, `copies` are pairs of equal files of different splits."""

    classes: list[str]
    counts: dict[str, list[int]]
    sizes: Counter[tuple[int, int]]
    modes: Counter[str]
    unreadable: list[str]
    copies: list[tuple[Path, Path]]
    tracks: Tracks | None
    mean: list[float]
    std: list[float]

    @property
    def side(self) -> int:
        """The median of the shorter sides in pixels."""
        shorter = [min(size) for size, number in self.sizes.items() for _ in range(number)]
        return int(statistics.median(shorter))

    @property
    def image_size(self) -> int:
        """The side that images are resized to: 32, or 64 if they are larger."""
        return 32 if self.side <= 48 else 64


def look(tree: dict[str, dict[str, list[Path]]]) -> Images:
    """Open every image of a tree {split: {class: files}}. Raises InputError if none can be read."""
    sizes: Counter[tuple[int, int]] = Counter()
    modes: Counter[str] = Counter()
    unreadable, readable = [], []
    for folders in tree.values():
        for path in (path for files in folders.values() for path in files):
            try:
                size, mode = decode.described(path)
            except InputError as error:
                unreadable.append(str(error))
                continue
            sizes[size] += 1
            modes[mode] += 1
            readable.append(path)
    if not readable:
        raise InputError(f"none of the {len(unreadable)} images can be read; the first: {unreadable[0]}")
    train = tree["train"]
    group = guess_group({name: [file.name for file in files] for name, files in train.items()})
    counts = {split: [len(files) for files in folders.values()] for split, folders in tree.items()}
    known = set(readable)
    mean, std = _channels([path for files in train.values() for path in files if path in known] or readable)
    tracks = tracks_of(group, train) if group else None
    return Images(list(train), counts, sizes, modes, unreadable, _copies(tree), tracks, mean, std)


def guess_group(classes: dict[str, list[str]]) -> str | None:
    """A group rule that fits the names of the files of each class, if they look like tracks; None if they do not."""
    for rule in RULES:
        try:
            found = [Counter(groups.keys(rule, names)) for names in classes.values()]
        except InputError:
            continue
        number = sum(map(len, found))
        if min(map(len, found)) > 1 and sum(map(len, classes.values())) >= LEAST_IN_GROUP * number:
            return rule
    return None


def tracks_of(rule: str, train: dict[str, list[Path]]) -> Tracks:
    """The groups that a rule makes of the images of each class."""
    sizes = [
        size
        for files in train.values()
        for size in Counter(groups.keys(rule, [file.name for file in files])).values()
    ]
    return Tracks(rule, sizes)


def _copies(tree: dict[str, dict[str, list[Path]]]) -> list[tuple[Path, Path]]:
    """Pairs of files with the same bytes, one in each split; only files of equal sizes are read."""
    by_size: dict[int, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for split, folders in tree.items():
        for path in (path for files in folders.values() for path in files):
            by_size[path.stat().st_size][split].append(path)
    found = []
    for splits in by_size.values():
        if len(splits) > 1:
            trained = {hashlib.sha256(path.read_bytes()).digest(): path for path in splits["train"]}
            for path in splits["test"]:
                if (twin := trained.get(hashlib.sha256(path.read_bytes()).digest())) is not None:
                    found.append((twin, path))
    return sorted(found)


def _channels(paths: list[Path]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of red, green and blue in 0..1, of images spread evenly over the list."""
    step = max(1, len(paths) // SAMPLE)
    sums, squares, pixels = np.zeros(3), np.zeros(3), 0
    for path in paths[::step]:
        try:
            image = np.asarray(decode.rgb(path), np.float64) / 255
        except InputError:
            continue
        sums += image.sum((0, 1))
        squares += (image**2).sum((0, 1))
        pixels += image.shape[0] * image.shape[1]
    mean = sums / max(1, pixels)
    std = np.sqrt(np.maximum(squares / max(1, pixels) - mean**2, 1e-4))
    return [round(float(value), 3) for value in mean], [round(float(value), 3) for value in std]


def tree_of(root: Path) -> dict[str, dict[str, list[Path]]] | None:
    """The images of train/ and test/ by class; None if one is missing, so that the images have to be split."""
    return image_tree.listing(root) if (root / "train").is_dir() and (root / "test").is_dir() else None


def unsplit(root: Path) -> dict[str, list[Path]]:
    """The images of a folder without test/, by class: those in train/ if there is one."""
    return image_tree.classes(root / "train" if (root / "train").is_dir() else root)
