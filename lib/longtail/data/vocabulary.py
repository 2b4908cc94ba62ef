"""Characters as numbers: a vocabulary from a file or from titles, and the vectors that belong to it."""

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

# How Chinese-Text-Classification-Pytorch, whose files LADC trains on, names what is not in the vocabulary and what
# follows a title that is too short; they are the last two entries.
UNKNOWN, PADDING = "<UNK>", "<PAD>"
LARGEST = 10000


def read(path: Path) -> dict[str, int]:
    """Character to number, of a text file with a character a line or of the official pickle of a dict.

    Raises InputError for a file that cannot be read, names a character twice or lacks `<UNK>` or `<PAD>`.
    """
    if path.suffix == ".pkl":
        return _checked(path, _unpickled(path))
    found: dict[str, int] = {}
    for number, character in enumerate(lines.read(path, "vocabulary"), start=1):
        if character in found:
            raise InputError(
                f"{path}, line {number}: {character!r} stands in line {found[character] + 1} already: remove one, "
                "and its row of the vectors"
            )
        found[character] = number - 1
    return _checked(path, found)


def of(titles: Iterable[str]) -> dict[str, int]:
    """Characters of titles with their numbers, the most frequent first (of equals the earliest), 10,000 at most."""
    counted = Counter(character for title in titles for character in title)
    kept = [character for character, _ in counted.most_common(LARGEST)]
    return {character: number for number, character in enumerate([*kept, UNKNOWN, PADDING])}


def numbers(titles: list[str], vocabulary: dict[str, int], length: int) -> NDArray[np.int32]:
    """Titles [N, length] as numbers of their characters, cut or padded."""
    unknown, padding = vocabulary[UNKNOWN], vocabulary[PADDING]
    table = np.full((len(titles), length), padding, np.int32)
    for row, title in zip(table, titles, strict=True):
        characters = title[:length]
        row[: len(characters)] = [vocabulary.get(character, unknown) for character in characters]
    return table


def vectors(path: Path, vocabulary: dict[str, int], source: Path | None) -> NDArray[np.float32]:
    """The vectors [V, D] of an .npz with an array `embeddings`, row i for character i of the vocabulary in `source`.

    Raises InputError where the file does not hold such vectors or has not one for each character.
    """
    try:
        found = npz.read(path, ["embeddings"])["embeddings"]
    except Exception as error:  # bytes that are no archive make the reader stumble in any way
        raise InputError(
            f"cannot read the vectors {path} ({error}): give an .npz with an array 'embeddings'"
        ) from error
    if source is None:
        raise InputError(f"the vectors {path} belong to a vocabulary of their own: name its file as 'vocabulary'")
    if found.ndim != 2 or len(found) != len(vocabulary):
        raise InputError(
            f"the vectors {path} have the shape {list(found.shape)} and the vocabulary {source} has "
            f"{len(vocabulary)} characters: name the vocabulary file that belongs to them, a row for each line"
        )
    if not np.isfinite(found).all():
        raise InputError(f"the vectors {path} are not all finite: replace the file")
    converted: NDArray[np.float32] = found.astype(np.float32)
    return converted


def drawn(vocabulary: dict[str, int], dimensions: int) -> NDArray[np.float32]:
    """Standard normal vectors [V, dimensions], always the same, for titles without trained ones."""
    return np.random.default_rng(0).standard_normal((len(vocabulary), dimensions), dtype=np.float32)


class _Plain(pickle.Unpickler):
    """Reads numbers, texts and containers of them; a pickle that asks for anything else may run its code."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a vocabulary has no use for")


def _unpickled(path: Path) -> dict[str, int]:
    try:
        files.require_regular(path)
        found = _Plain(io.BytesIO(path.read_bytes())).load()
    except Exception as error:  # bytes that are no pickle make the unpickler stumble in any way
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"cannot read the vocabulary {path} ({reason}): correct its path or replace it") from error
    numbered: dict[str, int] = found if isinstance(found, dict) else {}
    plain = all(isinstance(name, str) and type(number) is int for name, number in numbered.items())
    if not numbered or not plain or sorted(numbered.values()) != list(range(len(numbered))):
        raise InputError(f"the vocabulary {path} does not number its characters from 0: replace it")
    return numbered


def _checked(path: Path, vocabulary: dict[str, int]) -> dict[str, int]:
    for name in (UNKNOWN, PADDING):
        if name not in vocabulary:
            raise InputError(f"the vocabulary {path} has no {name}: add it as a line, and a row to the vectors")
    return vocabulary
