"""Lines of UTF-8 text files that people write."""

from pathlib import Path

from longtail.runtime import files
from longtail.runtime.errors import InputError


def read(path: Path, what: str) -> list[str]:
    """The lines of a file, without their ends; `what` says in errors what the file should be.

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
    """Where it stands (file and line) and the line itself, of all that are not empty; as `read` otherwise."""
    numbered = enumerate(read(path, what), start=1)
    return [(f"{path}, line {number}", line) for number, line in numbered if line.strip()]
