"""Groups of images that show the same thing, such as the frames of one track. A split must not divide a group.

A rule is a regular expression. What its first group finds in the name of a file, together with the class, is the name
of the file's group: with `^(\\d+)_` the files 00012_00000.jpg and 00012_00001.jpg of a class are in one group.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.runtime.errors import InputError


def check(rule: str, where: str) -> None:
    """Raises InputError, beginning with `where`, for a rule that is no regular expression with a group."""
    try:
        groups = re.compile(rule).groups
    except re.error as error:
        raise InputError(f"{where}, key 'group': {rule!r} is no regular expression ({error}): correct it") from error
    if not groups:
        raise InputError(
            f"{where}, key 'group': {rule!r} has no group: put what names one in parentheses, as in ^(\\d+)_"
        )


def check_names(rule: str, classes: dict[str, list[str]], where: str) -> None:
    """Raises InputError for a rule that does not match every name, or with which every class is a single group.

    `classes` are the names of the files of each class.
    """
    names = [name for files in classes.values() for name in files]
    pattern = re.compile(rule)
    if missed := [name for name in names if not pattern.search(name)]:
        raise InputError(
            f"{where}, key 'group': {rule!r} matches {len(names) - len(missed)} of {len(names)} names of training "
            f"images, and not '{missed[0]}': correct the rule or rename the files"
        )
    if all(len(set(keys(rule, files))) == 1 for files in classes.values()):
        raise InputError(
            f"{where}, key 'group': {rule!r} makes one group of each class, so that no class can be split: let it "
            "find what differs between tracks"
        )


def keys(rule: str, names: Sequence[str]) -> list[str]:
    """The group of each name within its class; raises InputError for a name that the rule does not match."""
    pattern, found = re.compile(rule), []
    for name in names:
        match = pattern.search(name)
        if match is None:
            raise InputError(f"the group rule {rule!r} does not match the name '{name}': correct the rule")
        found.append(str(match[1]))
    return found


def thinned(rule: str, names: Sequence[str], most: int) -> list[int]:
    """Positions of the names of a class that are kept if at most `most` of each group are, evenly spaced in order."""
    members: dict[str, list[int]] = {}
    for position, key in enumerate(keys(rule, names)):
        members.setdefault(key, []).append(position)
    return sorted(position for group in members.values() for position in _spaced(group, most))


def _spaced(group: list[int], most: int) -> list[int]:
    if len(group) <= most:
        return group
    # The middle of each of `most` equal parts.
    return [group[(2 * part + 1) * len(group) // (2 * most)] for part in range(most)]


def numbered(keys: Sequence[str], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each image's group [N]: equal for images with the same key and the same label."""
    known: dict[tuple[str, int], int] = {}
    pairs = zip(keys, labels.tolist(), strict=True)
    return np.array([known.setdefault(pair, len(known)) for pair in pairs], np.int64)
