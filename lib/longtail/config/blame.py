"""Where a mistake in the configuration stands, for the sentence about it."""

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
# Stands in sentences until the file at fault is looked for.
THE_CONFIG = "the configuration"


@contextlib.contextmanager
def blaming(files: list[Path], arguments: Mapping[str, Any] = NONE) -> Iterator[None]:
    """Name, in an InputError about the run's config, what holds the mistake: one of its `files`, or `--config`.

    `arguments` is what `--config` said.
    """
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(THE_CONFIG, _culprit(str(error), files, arguments), 1)) from None


def place(kind: str, name: str, own: dict[str, Any]) -> str:
    """Where a definition stands: in the run's `own` config (at least in part), or in a file of `config/`."""
    if name in own:
        return f"{THE_CONFIG}, {kind} '{name}'"
    return f"config/recipes.yaml, recipe '{name}'" if kind == "recipe" else f"config/{kind}s/{name}.yaml"


def _culprit(sentence: str, files: list[Path], arguments: Mapping[str, Any]) -> str:
    """What holds the name that a sentence complains of first: `--config`, a person's own file, or the default."""
    quoted = sentence.split("'")[1] if "'" in sentence else ""
    # The number of an item in a list is written nowhere.
    key = next((part for part in reversed(quoted.split(".")) if not part.isdecimal()), quoted)
    if key in re.findall(r"[\w-]+", str(arguments)):
        return "--config"
    holding = [file for file in files if key and key in file.read_text(encoding="utf-8")]
    own = [file for file in holding if file.resolve() != CONFIG / "config.yaml"]
    return shown((own or holding)[-1]) if holding else THE_CONFIG
