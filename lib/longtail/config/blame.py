"""Finds the file, or the `--config` argument, that a mistake comes from, and names it in the error message."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from longtail.config.registry import CONFIG
from longtail.runtime.errors import InputError
from longtail.runtime.provenance import shown

NONE: Mapping[str, Any] = MappingProxyType({})
# Placeholder in error messages, which `blaming` replaces by the file at fault.
THE_CONFIG = "the configuration"


@contextlib.contextmanager
def blaming(files: list[Path], arguments: Mapping[str, Any] = NONE) -> Iterator[None]:
    """In an InputError about the run's config, name the source of the mistake: one of its `files`, or `--config`.

    `arguments` are those of `--config`.
    """
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(THE_CONFIG, _culprit(str(error), files, arguments), 1)) from None


def place(kind: str, name: str, own: dict[str, Any]) -> str:
    """Where a definition is written: in the run's `own` config (at least in part), or in a file of `config/`."""
    if name in own:
        return f"{THE_CONFIG}, {kind} '{name}'"
    return f"config/recipes.yaml, recipe '{name}'" if kind == "recipe" else f"config/{kind}s/{name}.yaml"


def _culprit(sentence: str, files: list[Path], arguments: Mapping[str, Any]) -> str:
    """Where the first quoted name of an error message occurs: in no file, in a user's, or in the default config."""
    quoted = sentence.split("'")[1] if "'" in sentence else ""
    # Skip the numbers of list items, such as the 0 in 'rows.0.method': no file contains them.
    key = next((part for part in reversed(quoted.split(".")) if not part.isdecimal()), quoted)
    if key in re.findall(r"[\w-]+", str(arguments)):
        return str(getattr(arguments, "origin", "--config"))
    candidates = [file for file in files if key and key in file.read_text(encoding="utf-8")]
    own = [file for file in candidates if file.resolve() != CONFIG / "config.yaml"]
    return shown((own or candidates)[-1]) if candidates else THE_CONFIG
