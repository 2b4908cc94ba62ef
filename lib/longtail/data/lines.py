"""Reads lines of UTF-8 text files that users write."""

from pathlib import Path

from longtail.runtime import files
from longtail.runtime.errors import InputError


def read(path: Path, what: str) -> list[str]:
    """The lines of a file, without line ends; `what` names the kind of file in error messages.

    Only a line feed, alone or after a carriage return, ends a line: titles may hold other separators.
    Raises InputError naming the line that is not UTF-8 text, or the file that cannot be read or is empty.
    """
    try:
        files.require_regular(path)
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the {what} {path} ({error.strerror}): correct its path") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: not UTF-8 text: save the {what} in UTF-8") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InputError(f"{path}, line {line}: has a NUL character, which is no text: save the {what} in UTF-8")
    if not text.strip():
        raise InputError(f"the {what} {path} is empty: fill it or name another")
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def filled(path: Path, what: str) -> list[tuple[str, str]]:
    """The place (file and line) and text of all lines that are not empty; otherwise like `read`."""
    numbered = enumerate(read(path, what), start=1)
    return [(f"{path}, line {number}", line) for number, line in numbered if line.strip()]
