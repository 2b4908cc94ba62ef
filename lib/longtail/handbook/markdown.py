"""Markdown tables for the pages of the handbook."""

from collections.abc import Sequence
from typing import Any


def table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table; characters that would end a cell or start a tag are escaped."""
    cells = [head, ("---",) * len(head), *lines]
    return "".join(f"| {' | '.join(map(_plain, line))} |\n" for line in cells)


def choices(child: dict[str, Any]) -> str:
    """The allowed values of a key, as the end of its description; empty if the schema lists none."""
    one, several = child.get("enum", []), child.get("items", {}).get("enum", [])
    names = ", ".join(f"`{value}`" for value in one or several)
    return f"; {'one' if one else 'any'} of {names}" if names else ""


def _plain(cell: str) -> str:
    """Escapes characters that would end a cell or start a tag."""
    return cell.replace("|", r"\|").replace("<", r"\<")
