"""`made_titles`: random titles, for a demo that needs no download."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data import vocabulary
from longtail.data.forms.titles import Titles

FORM = "titles"
SETTINGS = {
    "titles": {
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "description": "what titles become",
        "properties": {
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
# Further settings that the arrays depend on; they are the same for all data sets of this kind.
FIXED = {
    "titles": {
        "train": ["train.txt"],
        "validation": [],
        "validation_per_class": 0,
        "test": ["test.txt"],
        "classes": None,
        "vocabulary": None,
        "vectors": None,
    },
}
HAS_VALIDATION = True
CLASS_SIZES = (80, 80, 80, 80, 80, 80, 80, 80)
CLASSES, VALIDATION, TEST = len(CLASS_SIZES), 20, 60
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Each class has PAIRS favourite pairs of letters; a pair of a title is one of them with probability FAVOURED.
PAIRS, FAVOURED = 6, 0.3


def side(settings: dict[str, Any]) -> int:
    """Number of characters of a title."""
    return int(settings["titles"]["length"])


def read(settings: dict[str, Any], archive: str | None) -> Titles:
    """640 titles for training, 160 for validation and 480 for testing, of 8 equally large classes; always the same.

    A title is 4 to 12 pairs of letters; three in ten are favourite pairs of its class, the others are random.
    """
    options, rng = settings["titles"], np.random.default_rng(0)
    favourites = rng.integers(len(LETTERS), size=(CLASSES, PAIRS, 2))
    splits = [_split(rng, favourites, size) for size in (CLASS_SIZES[0], TEST, VALIDATION)]
    characters = vocabulary.of(splits[0][0])
    train, test, validation = (vocabulary.numbers(titles, characters, options["length"]) for titles, _ in splits)
    vectors = vocabulary.drawn(characters, options["dimensions"])
    labels = [split_labels for _, split_labels in splits]
    names = [f"made-up class {label}" for label in range(CLASSES)]
    ordered = vocabulary.characters(characters)
    return Titles(train, labels[0], test, labels[1], validation, labels[2], vectors, names, ordered)


def _split(rng: np.random.Generator, favourites: NDArray[np.int64], size: int) -> tuple[list[str], NDArray[np.int64]]:
    labels = np.repeat(np.arange(CLASSES), size)
    return [_title(rng, favourites[label]) for label in labels], labels.astype(np.int64)


def _title(rng: np.random.Generator, favourites: NDArray[np.int64]) -> str:
    length = int(rng.integers(4, 13))
    pairs = rng.integers(len(LETTERS), size=(length, 2))
    favoured = rng.random(length) < FAVOURED
    pairs[favoured] = favourites[rng.integers(PAIRS, size=int(favoured.sum()))]
    return "".join(LETTERS[letter] for letter in pairs.ravel())
