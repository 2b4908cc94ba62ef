"""How a person's text is written in Markdown, LaTeX and HTML, so that readers see the characters that were given."""

import html
import re
from collections.abc import Iterable

from longtail.runtime.letters import right_to_left

# Underscores within a word and ampersands that begin no entity mean nothing, and stay. Web addresses stand
# between < and >, since GitHub makes links of them anyway and would take a backslash for a part of them.
_MARKDOWN = re.compile(
    r"(?P<address>https?://[A-Za-z0-9_./~?=@+#-]*[A-Za-z0-9_/])"
    r"|[\\`*|~<>\[\]$#]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])"
)
_LIST = re.compile(r"^(\d*)([-+.)])(?=\s|-|$)")  # would begin a list, or be a line across the page
_CODE = re.compile(r"((?<!`)`(?![\s`])[^`]*(?<!\s)`(?!`))")

_LATEX = {
    "\0": "{}",  # where _APART found a pair
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
# LaTeX makes one character of two of these, and takes a bracket or a star at the beginning of a row for an option.
_APART = re.compile(r"([-–](?=[-–])|'(?=')|,(?=,))|^(?=[\[*])")


def markdown_text(text: str) -> str:
    """Text for GitHub Markdown, in a paragraph, a heading, a list or a cell of a table."""
    escaped = _MARKDOWN.sub(lambda found: f"<{found[0]}>" if found["address"] else f"\\{found[0]}", text)
    return _LIST.sub(r"\1\\\2", escaped)


def markdown_note(text: str) -> str:
    """The same for a note, in which words between backticks are code."""
    return "".join(part if _CODE.fullmatch(part) else markdown_text(part) for part in _CODE.split(text))


def latex_text(text: str) -> str:
    """The same for LaTeX."""
    return "".join(_LATEX.get(symbol, symbol) for symbol in _APART.sub("\\1\0", text))


def latex_file(lines: Iterable[str], origin: Iterable[str]) -> str:
    """A file of LaTeX: in comments what it needs and where its numbers come from, then its lines."""
    text = "\n".join(lines)
    needs = [r"% needs \usepackage{booktabs,graphicx}"]
    if foreign := sorted({symbol for symbol in text if ord(symbol) > 0xFF}):
        needs.append(f"% needs XeLaTeX or LuaLaTeX, and a font that has {' '.join(foreign)}")
    if right_to_left(text):
        needs.append(r"% needs LuaLaTeX and \usepackage[bidi=basic]{babel} for words from right to left")
    return "\n".join([*needs, *(f"% {sentence}" for sentence in origin), text])


def html_text(text: str) -> str:
    """Text for HTML, inside an element; words from right to left leave the order of those around them alone."""
    return f"<bdi>{html.escape(text)}</bdi>" if right_to_left(text) else html.escape(text)
