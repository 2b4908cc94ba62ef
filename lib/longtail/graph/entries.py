"""The entries of Snakemake's report: the title of each, and the settings of its job in words.

An entry has its title as its only label. Of a further label with two values, each in half of the entries, Snakemake's
page makes a switch, and fails if an entry has only one of the two. This may happen in a category, and in what a
reader searches for. Of entries with equal labels the page shows one.
"""

import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from longtail.results import RESULTS
from longtail.runtime.errors import InputError

LABEL = "title"
# Where Snakemake would look for the name of a wildcard, and where a browser would take text for a tag in a script.
_MISREAD = re.compile(r"(?<={)(?=\s*\w)|(?<=<)(?=[/!])")
_INVISIBLE = "\N{WORD JOINER}"
# The keys that name an item of a list, the best first.
_NAMES = ("title", "label", "claim", "name", "at")


class Entries:
    """The labels of all entries of a plan's report. `titles` returns the title of each by its path."""

    def __init__(self, titles: Callable[[], Mapping[str, str]]) -> None:
        self._titles = titles

    def labels(self, path: str, title: str) -> dict[str, str]:
        """The labels of an entry, which may be none of the plan: a figure that was requested by its path."""
        return {LABEL: self._shown.get(path) or _shown(title)}

    @functools.cached_property
    def _shown(self) -> dict[str, str]:
        """The titles by path, those that several entries have with the path behind them."""
        titles = self._titles()
        number = Counter(titles.values())
        shown = {
            path: _shown(title if number[title] == 1 else f"{title} ({_name(path)})")
            for path, title in titles.items()
        }
        for title, others in Counter(shown.values()).items():
            if others > 1:
                raise InputError(f"{others} entries of the report have the title {title!r}: change one of the titles")
        return shown


class Settings(str):
    """The settings of a job as JSON text, which the report shows in words. `value` is what the text was made of."""

    value: Any

    def __new__(cls, value: Any) -> "Settings":
        """The text of a value, with sorted keys."""
        text = super().__new__(cls, json.dumps(value, sort_keys=True))
        text.value = value
        return text

    def __format__(self, spec: str) -> str:
        """The words: Snakemake's report formats parameters, and nothing else does."""
        return words(self.value)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """A plain text for the job's script, which reads its parameters before it can import this library."""
        return str, (str(self),)


class Caption(Settings):
    """A caption, which the report shows above the parameters already."""

    def __new__(cls, value: str) -> "Caption":
        """The caption itself."""
        text: Caption = str.__new__(cls, value)
        text.value = "see the description"
        return text


def words(value: Any) -> str:
    """Settings in words: `metrics: top1, ece; rows: CE, MiSLAS`. Lists of paths are counted, longer items named."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_in_words(item)}" for key, item in value.items())
    return _in_words(value)


def _in_words(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        if value and all(isinstance(item, Mapping) for item in value.values()):
            return _in_words(list(value.values()))
        return ", ".join(f"{key} {_in_words(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, str) and item.startswith(f"{RESULTS}/") for item in value):
            return f"{len(value)} file{'s' if len(value) > 1 else ''}"
        return ", ".join(map(_named, value)) or "none"
    # Snakemake puts a backslash before double quotes.
    return _shown(str(value).rstrip(".")).replace('"', "'")


def _named(item: Any) -> str:
    """An item of a list: the name of a mapping, of nested lists all items."""
    if isinstance(item, Mapping):
        return _in_words(next((item[key] for key in _NAMES if key in item), dict(item)))
    if isinstance(item, list | tuple):
        return " with ".join(map(_named, item))
    return _in_words(item)


def _shown(text: str) -> str:
    """A text that Snakemake and a browser leave as it is."""
    return _MISREAD.sub(_INVISIBLE, text)


def _name(path: str) -> str:
    return str(PurePath(path).with_suffix("").relative_to(RESULTS))
