"""Damages the files of a reader, again and again, and tells what comes of it."""

import contextlib
import itertools
import random
import shutil
import signal
import traceback
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz import mutations
from tests.fuzz.readers import READERS

from longtail.runtime.errors import InputError

SECONDS, CHARACTERS = 10, 4000
TAKEN, REFUSED, WHOLE = "taken", "refused", "whole"
# One file in so many is replaced by something that cannot be read.
NO_FILE = 25
# Control characters, halves of characters, and what else ends a line.
CONTROL = {"Cc", "Cs", "Zl", "Zp"}


class Hangs(BaseException):
    """A reader that does not come back; no Exception, so that no reader takes it for one of a damaged file."""


def outcomes(name: str, folder: Path, seed: int) -> Iterator[str]:
    """Damage the files of a reader in `folder`, over and over, and give what came of reading them each time.

    That is TAKEN, REFUSED, or what went wrong, with the folder where the files are kept.
    """
    shutil.rmtree(folder / name, ignore_errors=True)
    whole, used = folder / name / WHOLE, folder / name / "damaged"
    whole.mkdir(parents=True)
    with contextlib.chdir(whole):
        READERS[name].make()
    for number in itertools.count():
        _damage(whole, used, random.Random(f"{name} {seed} {number}"))
        outcome = read(used)
        if outcome not in (TAKEN, REFUSED):
            kept = used.rename(used.with_name(f"{seed}-{number}"))
            outcome = f"{kept}: {outcome}"
        yield outcome


def read(folder: Path) -> str:
    """What comes of reading the files in `folder`, whose parent is called like the reader."""
    with contextlib.chdir(folder), _limited(), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            READERS[folder.parent.name].read()
        except InputError as error:
            return _judged(str(error), folder)
        except (Exception, Hangs):
            return traceback.format_exc()
    return f"taken with the warning: {warned[0].message}" if warned else TAKEN


def _judged(said: str, folder: Path) -> str:
    if len(said) > CHARACTERS or any(unicodedata.category(character) in CONTROL for character in said):
        return f"not one sentence that can be printed: {said[:CHARACTERS]!r}"
    names = (path.name for path in folder.with_name(WHOLE).rglob("*"))
    return REFUSED if any(name in said for name in names) else f"a sentence that names no file: {said}"


def _damage(whole: Path, used: Path, rng: random.Random) -> None:
    """Copy the files, and damage one or two."""
    shutil.rmtree(used, ignore_errors=True)
    shutil.copytree(whole, used)
    found = sorted(path for path in used.rglob("*") if path.is_file())
    for path in rng.sample(found, min(len(found), rng.choice([1, 1, 1, 2]))):
        if rng.randrange(NO_FILE) == 0:
            mutations.replace(path, rng)
        else:
            path.write_bytes(mutations.damaged(path.read_bytes(), rng))


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raise Hangs after some seconds; an alarm that was set before, as of pytest-timeout, is set again."""

    def end(*_: object) -> None:
        raise Hangs

    handler = signal.signal(signal.SIGALRM, end)
    before = signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)
        signal.signal(signal.SIGALRM, handler)
