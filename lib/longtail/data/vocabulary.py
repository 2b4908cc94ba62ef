"""Vocabularies, which number characters, read from a file or made from titles; and the vectors of the characters."""

import io
import pickle
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data import lines
from longtail.runtime import files, npz
from longtail.runtime.errors import InputError

# The last two entries of a vocabulary: for characters that it lacks, and for padding short titles. Names as in
# Chinese-Text-Classification-Pytorch, whose files LADC trains on.
UNKNOWN, PADDING = "<UNK>", "<PAD>"
LARGEST = 10000


def read(path: Path) -> dict[str, int]:
    """The number of each character, from a text file with one character per line or the official pickle of a dict.

    Raises InputError for a file that cannot be read, names a character twice or lacks `<UNK>` or `<PAD>`.
    """
    if path.suffix == ".pkl":
        return _checked(path, _unpickled(path))
    vocabulary: dict[str, int] = {}
    for number, character in enumerate(lines.read(path, "vocabulary"), start=1):
        if character in vocabulary:
            raise InputError(
                f"{path}, line {number}: {character!r} stands in line {vocabulary[character] + 1} already: remove "
                "one, and its row of the vectors"
            )
        vocabulary[character] = number - 1
    return _checked(path, vocabulary)


def of(titles: Iterable[str]) -> dict[str, int]:
    """The vocabulary of titles: the most frequent characters first (of equals the earliest), at most 10,000."""
    counted = Counter(character for title in titles for character in title)
    kept = [character for character, _ in counted.most_common(LARGEST)]
    return {character: number for number, character in enumerate([*kept, UNKNOWN, PADDING])}


def numbers(titles: list[str], vocabulary: dict[str, int], length: int) -> NDArray[np.int32]:
    """Titles as numbers of their characters [N, length], cut or padded."""
    unknown, padding = vocabulary[UNKNOWN], vocabulary[PADDING]
    table = np.full((len(titles), length), padding, np.int32)
    for row, title in zip(table, titles, strict=True):
        characters = title[:length]
        row[: len(characters)] = [vocabulary.get(character, unknown) for character in characters]
    return table


def characters(vocabulary: dict[str, int]) -> NDArray[np.str_]:
    """The characters of a vocabulary [V], in order of their numbers."""
    return np.array(sorted(vocabulary, key=lambda character: vocabulary[character]))


def vectors(path: Path, vocabulary: dict[str, int], source: Path | None) -> NDArray[np.float32]:
    """The vectors [V, D] of an .npz with an array `embeddings`, row i for character i of the vocabulary in `source`.

    Raises InputError if the file does not hold such vectors, or not one for each character.
    """
    try:
        embeddings = npz.read(path, ["embeddings"])["embeddings"]
    except Exception as error:  # damaged bytes may raise any exception
        raise InputError(
            f"cannot read the vectors {path} ({error}): give an .npz with an array 'embeddings'"
        ) from error
    if source is None:
        raise InputError(f"the vectors {path} belong to a vocabulary of their own: name its file as 'vocabulary'")
    if embeddings.ndim != 2 or len(embeddings) != len(vocabulary):
        raise InputError(
            f"the vectors {path} have the shape {list(embeddings.shape)} and the vocabulary {source} has "
            f"{len(vocabulary)} characters: name the vocabulary file that belongs to them, a row for each line"
        )
    if not np.isfinite(embeddings).all():
        raise InputError(f"the vectors {path} are not all finite: replace the file")
    converted: NDArray[np.float32] = embeddings.astype(np.float32)
    return converted


def drawn(vocabulary: dict[str, int], dimensions: int) -> NDArray[np.float32]:
    """Standard normal vectors [V, dimensions], always the same, for titles without trained vectors."""
    return np.random.default_rng(0).standard_normal((len(vocabulary), dimensions), dtype=np.float32)


class _Plain(pickle.Unpickler):
    """Reads only numbers, texts and containers: loading any other object of a pickle could run its code."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a vocabulary has no use for")


def _unpickled(path: Path) -> dict[str, int]:
    try:
        files.require_regular(path)
        content = _Plain(io.BytesIO(path.read_bytes())).load()
    except Exception as error:  # damaged bytes may raise any exception
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"cannot read the vocabulary {path} ({reason}): correct its path or replace it") from error
    numbered: dict[str, int] = content if isinstance(content, dict) else {}
    plain = all(isinstance(name, str) and type(number) is int for name, number in numbered.items())
    if not numbered or not plain or sorted(numbered.values()) != list(range(len(numbered))):
        raise InputError(f"the vocabulary {path} does not number its characters from 0: replace it")
    return numbered


def _checked(path: Path, vocabulary: dict[str, int]) -> dict[str, int]:
    for name in (UNKNOWN, PADDING):
        if name not in vocabulary:
            raise InputError(f"the vocabulary {path} has no {name}: add it as a line, and a row to the vectors")
    return vocabulary
