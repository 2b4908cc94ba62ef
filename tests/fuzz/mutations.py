"""Damaged files, the same for the same random numbers."""

import contextlib
import os
import random
import socket
from pathlib import Path

# What readers may stumble over, in text and in binary files.
PIECES = [
    *(b"\t", b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\n\n", b" ", b"\0", b"\xff", b"\xe9", b"\\", b"/", b"../"),
    *(b"0", b"1", b"2", b"01", b"-1", b"1.0", b"label", b"text\tlabel\n", b"text,label\n", b"path label\n"),
    *(b"null", b"true", b"yes", b"~", b"[]", b"{}", b'"x"', b": ", b"- ", b"#", b"&a ", b"*a", b"<<: ", b"!!int "),
    *(b"'", b"1e3", b"1.0e999", b".nan", b"NaN", b"-Infinity", b"1:30", b"2001-02-03", b"0x_", b"---\n"),
    *(b"9" * 12, b"9" * 5000, b"a" * 300, b"a/" * 3000, b"[" * 3000, b"{a: " * 500),
    *(text.encode() for text in ("\ufeff", "\u200b", "é", "e\u0301", "\u00a0", "\u2028", "\x0b", "１", "²")),
]
ENCODINGS = ("latin-1", "utf-16", "utf-16-le", "utf-8-sig", "utf-32")


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The content after up to three changes."""
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        content = rng.choice(CHANGES)(content, rng)
    return content


def replace(path: Path, rng: random.Random) -> None:
    """Put something in the place of a file that is none, or an empty one."""
    path.unlink()
    kind = rng.choice(["nothing", "empty", "folder", "broken link", "circular link", "pipe", "socket"])
    if kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "broken link":
        path.symlink_to("nowhere")
    elif kind == "circular link":
        path.symlink_to(path.name)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)  # a socket's path has to be short


def _truncated(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randint(0, len(content))]


def _flipped(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 4])):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _spliced(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return content[:start] + rng.choice(PIECES) + content[end:]


def _deleted(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return content[:start] + content[end:]


def _repeated(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return content[:end] + content[start:end] + content[end:]


def _random(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return content[:start] + rng.randbytes(end - start) + content[end:]


def _shuffled(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    first, second = (rng.randrange(len(lines) or 1) for _ in range(2))
    if lines:
        lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def _ends(content: bytes, rng: random.Random) -> bytes:
    return content.replace(b"\n", rng.choice([b"\r\n", b"\r"]))


def _encoded(content: bytes, rng: random.Random) -> bytes:
    return content.decode("utf-8", "replace").encode(rng.choice(ENCODINGS), "replace")


def _span(content: bytes, rng: random.Random) -> tuple[int, int]:
    """Mostly nothing or a byte, sometimes a block."""
    start = rng.randint(0, len(content))
    length = rng.choice([0, 0, 1, 1, rng.randint(0, 8), rng.randint(0, 64), rng.randint(0, len(content))])
    return start, min(start + length, len(content))


CHANGES = [_truncated, _deleted, _repeated, _random, _shuffled, _ends, _encoded, *[_flipped] * 2, *[_spliced] * 3]
