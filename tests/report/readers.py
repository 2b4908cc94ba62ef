"""Texts that a person may give, and what a reader sees of them on the pages that have them."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

from hypothesis import HealthCheck, example, given, settings, strategies
from markdown_it import MarkdownIt

NASTY = (
    "Ba$$in",
    "Coins $1_ & $2",
    r"a | b \| c \\| \frac{x}{y} \\[2em] `",
    "<b>bold</b> &amp; &lt;!-- \"quoted\" 'quoted' -->",
    "*a* __b__ _c_ d_e ~~f~~ `g` [h](i) ![j](k) <l@m.n>",
    "# 1 %",
    "- not a list",
    "1. nor this",
    "---",
    "[2em] & * ^ ~ {} -- '' ,, –- ––",
    "see https://example.org/~me/a_b?c=d#e_f and http://example.org.",
    "长尾识别，标签平滑 🐟👩🏽‍🔬",
    "זנב ארוך $1_ & 2",
    "a" * 200,
    "word " * 40 + "end",
)
# Letters that mean something to one of the writers, and any other but those that the configuration refuses.
_LETTERS = strategies.sampled_from("$_&%#|<>\"'\\`*~^{}[]()!-+=.,:;/@?0a –±τ中א") | strategies.characters(
    exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufffe\uffff"
)
TEXTS = strategies.text(_LETTERS, min_size=1, max_size=30).map(str.strip).filter(bool)


def every_text(others: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test of `text`: each of the nasty ones, and so many others."""

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        for text in NASTY:
            test = example(text=text)(test)
        suppressed = [HealthCheck.function_scoped_fixture]  # none is changed
        return settings(max_examples=others, deadline=None, suppress_health_check=suppressed)(given(text=TEXTS)(test))

    return decorated


_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_INLINE = {"text": "{}", "code_inline": "`{}`", "html_inline": "{}", "link_open": "", "link_close": ""}


def markdown(page: str) -> list[str]:
    """The text of each heading, paragraph, item and cell of a page, code between backticks and tags as they are.

    Fails where a text is marked up, or has become a link that is no web address.
    """
    tokens = _PARSER.parse(page)
    assert not {"hr", "blockquote_open", "code_block", "fence"} & {token.type for token in tokens}
    found = []
    for token in tokens:
        if token.type == "inline":
            assert all(child.markup == "autolink" for child in token.children if child.type == "link_open")
            found.append("".join(_INLINE[child.type].format(child.content) for child in token.children))
    return found


def html(page: str) -> list[str]:
    """The text of each element of a page that has no other within but spans and the like, and hints."""
    parser = _Reader()
    parser.feed(page)
    parser.close()
    return parser.found


class _Reader(HTMLParser):
    WITHIN = ("bdi", "span", "b", "i", "sup", "mark")

    def __init__(self) -> None:
        super().__init__()
        self.found = [""]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        hints = [value for name, value in attributes if name == "title" and value]
        if tag not in self.WITHIN:
            self.found.append("")
        self.found[-1:-1] = hints

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.WITHIN:
            self.found.append("")

    def handle_data(self, data: str) -> None:
        self.found[-1] += data


_SPELLED = {"textbackslash": "\\", "textasciicircum": "^", "textasciigrave": "`", "dag": "†"}
_SPELLED |= {"textless": "<", "textgreater": ">", "textbar": "|"}
_MATHS = {r"\pm": "±", "-": "−", r"\sim": "~", r"\cdot": "·", r"\neq": "≠"}
_MATHS |= {r"\Delta": "Δ", r"\varepsilon": "ε", r"\alpha": "α", r"\beta": "β", r"\tau": "τ"}
_TOKEN = re.compile(
    r"\\(?P<spelled>text\w+|dag)\{\}|\$(?P<maths>[^$]+)\$|\\(?P<escaped>[&%$#_{}])|(?P<nothing>\{\})"
    r"|(?P<joined>---|--|''|,,)|(?P<plain>[^\\${}&%#_^~`<>|])"
)


def latex(text: str) -> str:
    """What LaTeX prints for a text; fails where a character of it would mean something else."""
    assert not text.startswith(("[", "*"))
    printed, place = "", 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        assert token, f"not plain LaTeX: {text[place:]!r}"
        kind = token.lastgroup
        assert kind
        printed += {
            "spelled": lambda found: _SPELLED[found],
            "maths": lambda found: _MATHS[found],
            "nothing": lambda _: "",
            "joined": lambda found: {"--": "–"}[found],
        }.get(kind, str)(token[kind])
        place = token.end()
    return printed


def latex_rows(page: str) -> list[list[str]]:
    """The cells of each row of the tables of a page, as they are spelled."""
    rows = [line.removesuffix(r" \\") for line in page.splitlines() if line.endswith(r" \\")]
    return [re.split(r"(?<!\\) & |(?<=\\\\) & ", row) for row in rows]
