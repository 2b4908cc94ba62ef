"""Letters of any script in lines of text: how much room they take, and which way they run."""

import unicodedata

# Unicode's classes of letters from right to left, and of marks that turn the direction of what follows.
_RIGHT_TO_LEFT = {"R", "AL", "RLE", "RLO", "RLI"}


def is_wide(letter: str) -> bool:
    """Whether a letter takes the room of two, as Chinese ones and most emoji do."""
    return unicodedata.east_asian_width(letter) in ("W", "F")


def is_unprintable(letter: str) -> bool:
    """Whether no page can show a letter: control characters, separators of lines, and what XML may not hold."""
    return letter in "\ufffe\uffff" or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")


def room(text: str) -> int:
    """Room that a text takes where letters have one width, as in a terminal, and wide ones two."""
    return len(text) + sum(map(is_wide, text))


def right_to_left(text: str) -> bool:
    """Whether some of a text runs from right to left."""
    return any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)


def isolated(text: str) -> str:
    """A text between marks that keep it from turning what stands beside it, where it runs from right to left."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}" if right_to_left(text) else text
