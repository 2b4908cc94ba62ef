"""Width and direction of letters of any script in lines of text."""

import unicodedata

# Unicode's classes of right-to-left letters, and of marks that change the direction of the text after them.
_RIGHT_TO_LEFT = {"R", "AL", "RLE", "RLO", "RLI"}


def is_wide(letter: str) -> bool:
    """Whether a letter is as wide as two, like Chinese ones and most emoji."""
    return unicodedata.east_asian_width(letter) in ("W", "F")


def is_unprintable(letter: str) -> bool:
    """Whether a letter cannot be shown: control characters, line separators, and characters that XML forbids."""
    return letter in "\ufffe\uffff" or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")


def room(text: str) -> int:
    """Width of a text in a fixed-width font, as in a terminal, where wide letters count twice."""
    return len(text) + sum(map(is_wide, text))


def right_to_left(text: str) -> bool:
    """Whether a text contains right-to-left letters."""
    return any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)


def isolated(text: str) -> str:
    """A text between marks that keep right-to-left letters from changing the direction of the text around it."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}" if right_to_left(text) else text
