"""Markdown that the pages of the handbook share."""

from collections.abc import Sequence
from typing import Any


def table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table; what would end a cell or begin a tag is escaped."""
    cells = [head, ("---",) * len(head), *lines]
    return "".join(f"| {' | '.join(map(_plain, line))} |\n" for line in cells)


def choices(child: dict[str, Any]) -> str:
    """The values that a key may have, as the end of its description; empty where there is no list of them."""
    one, several = child.get("enum", []), child.get("items", {}).get("enum", [])
    names = ", ".join(f"`{value}`" for value in one or several)
    return f"; {'one' if one else 'any'} of {names}" if names else ""


def _plain(cell: str) -> str:
    """What would end a cell or begin a tag, escaped."""
    return cell.replace("|", r"\|").replace("<", r"\<")
