"""Fallback fonts for characters that the font of the house style lacks."""

import logging
import unicodedata
from collections.abc import Iterable
from functools import cache

import matplotlib as mpl
from matplotlib.font_manager import fontManager, get_font
from matplotlib.text import Text

log = logging.getLogger(__name__)

# Comes with matplotlib and draws a box for every character.
_BOXES = "Last Resort"


def complete(texts: Iterable[Text]) -> tuple[bool, str]:
    """Add other fonts of this machine to texts whose own font lacks some characters.

    Returns whether any text has changed, and a sentence for readers of the figure that lists the characters that no
    font here has (they are drawn as boxes; empty if there are none). The log explains how to get them.
    """
    incomplete = {text: characters for text in texts if (characters := _missing(text))}
    missing: set[str] = set().union(*incomplete.values())
    families: list[str] = []
    while missing:
        family = max(_families(), key=lambda family: len(missing & _characters(family)))
        if not missing & _characters(family):
            break
        families.append(family)
        missing -= _characters(family)
    for text in incomplete if families else ():
        text.set_fontfamily([*text.get_fontfamily(), *families])
    if not missing:
        return bool(families), ""
    first = ", ".join(f"U+{ord(character):04X}" for character in sorted(missing)[:8])
    more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
    log.warning(
        "no font on this machine has %s: install one that does, delete the folder %s, in which matplotlib keeps its "
        "list of fonts, and draw the figure again (snakemake --forcerun and the name of its file)",
        " ".join(sorted(missing)),
        mpl.get_cachedir(),
    )
    return bool(families), f"Boxes stand for characters that no font here has: {first}{more}."


def _missing(text: Text) -> set[str]:
    """Characters of a text that need a glyph but have none in its font."""
    words = text.get_text()
    if words.isascii():
        return set()
    known = _characters(text.get_fontfamily()[0])
    return {character for character in words if character not in known and not _is_invisible(character)}


def _is_invisible(character: str) -> bool:
    """Whether a character is a space, a formatting character or a variation selector."""
    return character.isspace() or unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"


@cache
def _families() -> list[str]:
    """Names of the fonts of this machine, those without serifs first."""
    names = {name for name in fontManager.get_font_names() if not name.startswith(_BOXES)}
    return sorted(names, key=lambda name: ("Sans" not in name, name))


@cache
def _characters(family: str) -> frozenset[str]:
    """The characters that a font has."""
    path = next(entry.fname for entry in fontManager.ttflist if entry.name == family)
    return frozenset(map(chr, get_font(path).get_charmap()))
