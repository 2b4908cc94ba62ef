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
    changed: list[Path] = []
    for number in itertools.count():
        _restore(whole, used, changed)
        changed = _damage(whole, used, random.Random(f"{name} {seed} {number}"))
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


def _restore(whole: Path, used: Path, changed: list[Path]) -> None:
    """Copy the files that were `changed`, paths below either folder; all of them where none are there."""
    if not used.exists():
        shutil.copytree(whole, used)
        return
    for path in changed:
        if (used / path).is_dir():
            (used / path).rmdir()
        (used / path).unlink(missing_ok=True)
        shutil.copyfile(whole / path, used / path)


def _damage(whole: Path, used: Path, rng: random.Random) -> list[Path]:
    """Damage one or two files, and say which."""
    found = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    chosen = rng.sample(found, min(len(found), rng.choice([1, 1, 1, 2])))
    for path in chosen:
        if rng.randrange(NO_FILE) == 0:
            mutations.replace(used / path, rng)
        else:
            (used / path).write_bytes(mutations.damaged((whole / path).read_bytes(), rng))
    return chosen


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
