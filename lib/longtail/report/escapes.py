"""Escapes a user's text for Markdown, LaTeX and HTML, so that readers see the original characters."""

import html
import re
from collections.abc import Iterable

from longtail.runtime.letters import right_to_left

# Underscores within a word and ampersands that start no entity have no meaning and are not escaped. Web addresses are
# put between < and >: GitHub makes links of them in any case, and would take a backslash for a part of the address.
_MARKDOWN = re.compile(
    r"(?P<address>https?://[A-Za-z0-9_./~?=@+#-]*[A-Za-z0-9_/])"
    r"|[\\`*|~<>\[\]$#]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])"
)
_LIST = re.compile(r"^(\d*)([-+.)])(?=\s|-|$)")  # would start a list, or become a horizontal rule
_CODE = re.compile(r"((?<!`)`(?![\s`])[^`]*(?<!\s)`(?!`))")

_LATEX = {
    "\0": "{}",  # inserted by _APART
    "\\": r"\textbackslash{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "Δ": r"$\Delta$",
    "ε": r"$\varepsilon$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "τ": r"$\tau$",
    "·": r"$\cdot$",
    "≠": r"$\neq$",
    "†": r"\dag{}",
    "~": r"$\sim$",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
_LATEX |= {symbol: f"\\{symbol}" for symbol in "&%$#_{}"}
# LaTeX joins two of these into one character, and reads a bracket or a star at the start of a row as an option.
_APART = re.compile(r"([-–](?=[-–])|'(?=')|,(?=,))|^(?=[\[*])")


def markdown_text(text: str) -> str:
    """Text for GitHub Markdown, in a paragraph, a heading, a list or a cell of a table."""
    escaped = _MARKDOWN.sub(lambda match: f"<{match[0]}>" if match["address"] else f"\\{match[0]}", text)
    return _LIST.sub(r"\1\\\2", escaped)


def markdown_note(text: str) -> str:
    """A note for GitHub Markdown; words between backticks stay code."""
    return "".join(part if _CODE.fullmatch(part) else markdown_text(part) for part in _CODE.split(text))


def latex_text(text: str) -> str:
    """Text for LaTeX."""
    return "".join(_LATEX.get(symbol, symbol) for symbol in _APART.sub("\\1\0", text))


def latex_file(lines: Iterable[str], origin: Iterable[str]) -> str:
    """A LaTeX file: comments with the packages that it needs and the origin of its numbers, then its lines."""
    text = "\n".join(lines)
    needs = [r"% needs \usepackage{booktabs,graphicx}"]
    if foreign := sorted({symbol for symbol in text if ord(symbol) > 0xFF}):
        needs.append(f"% needs XeLaTeX or LuaLaTeX, and a font that has {' '.join(foreign)}")
    if right_to_left(text):
        needs.append(r"% needs LuaLaTeX and \usepackage[bidi=basic]{babel} for words from right to left")
    return "\n".join([*needs, *(f"% {sentence}" for sentence in origin), text])


def html_text(text: str) -> str:
    """Text for HTML, inside an element; right-to-left words are isolated from the text around them."""
    return f"<bdi>{html.escape(text)}</bdi>" if right_to_left(text) else html.escape(text)
