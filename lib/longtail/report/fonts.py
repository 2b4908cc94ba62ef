"""Fonts for the characters of a figure that the font of the house style lacks."""

import logging
import unicodedata
from collections.abc import Iterable
from functools import cache

import matplotlib as mpl
from matplotlib.font_manager import fontManager, get_font
from matplotlib.text import Text

log = logging.getLogger(__name__)

# Comes with matplotlib, and has a box for every character.
_BOXES = "Last Resort"


def complete(texts: Iterable[Text]) -> tuple[bool, str]:
    """Give texts other fonts of this machine beside their own, for characters that their own lacks.

    Tells whether any text has changed and, in a sentence for readers of the figure, which characters no font here
    has: they are drawn as boxes. The log says what can be done about it.
    """
    lacking = {text: found for text in texts if (found := _lacking(text))}
    wanted: set[str] = set().union(*lacking.values())
    families: list[str] = []
    while wanted:
        family = max(_families(), key=lambda family: len(wanted & _characters(family)))
        if not wanted & _characters(family):
            break
        families.append(family)
        wanted -= _characters(family)
    for text in lacking if families else ():
        text.set_fontfamily([*text.get_fontfamily(), *families])
    if not wanted:
        return bool(families), ""
    first = ", ".join(f"U+{ord(character):04X}" for character in sorted(wanted)[:8])
    more = f" and {len(wanted) - 8} more" if len(wanted) > 8 else ""
    log.warning(
        "no font on this machine has %s: install one that does, delete the folder %s, in which matplotlib keeps its "
        "list of fonts, and draw the figure again (snakemake --forcerun and the name of its file)",
        " ".join(sorted(wanted)),
        mpl.get_cachedir(),
    )
    return bool(families), f"Boxes stand for characters that no font here has: {first}{more}."


def _lacking(text: Text) -> set[str]:
    """Characters of a text that need a glyph and have none in its font."""
    words = text.get_text()
    if words.isascii():
        return set()
    known = _characters(text.get_fontfamily()[0])
    return {character for character in words if character not in known and not _unseen(character)}


def _unseen(character: str) -> bool:
    """Spaces, marks that only direct how others are drawn, and those that choose a form of the one before."""
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
