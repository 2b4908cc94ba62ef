"""What `--config` says on the command line of Snakemake, which hands all but the outermost values on as text."""

from collections.abc import Mapping
from typing import Any

import yaml

from longtail.config import strict_yaml
from longtail.runtime.errors import InputError


def typed(given: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping that `--config` gave, with numbers, true, false and null as YAML reads them.

    Raises InputError for a value that would not be what it looks like.
    """
    return {key: _typed(value) for key, value in given.items()}


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return typed(value)
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return _read(value) if isinstance(value, str) and not value.startswith("#") else value


def _read(text: str) -> Any:
    """A number, true, false or null; any other text as it is, since Snakemake has read what was around it."""
    try:
        value = strict_yaml.parse(text)
    except strict_yaml.Misleading as error:
        raise InputError(f"--config: {error}, both in a file for --configfile") from error
    except (yaml.YAMLError, ValueError):
        return text
    return text if isinstance(value, list | dict) else value
