"""Settings that no file holds: `--config` (Snakemake passes nested values on as text), or the config of a module."""

from collections.abc import Mapping
from typing import Any

import yaml

from longtail.config import strict_yaml
from longtail.runtime.errors import InputError


def typed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `--config`, with numbers, true, false and null as YAML reads them.

    Raises InputError for a value that YAML would misread.
    """
    return {key: _typed(value) for key, value in arguments.items()}


class OfModule(dict[str, Any]):
    """The config that another workflow gives to this one as its module."""

    origin = "the config of the module"


def of_module(config: Mapping[str, Any]) -> OfModule:
    """The config of a module, with paths relative to the working directory; like `typed` it may raise InputError."""
    return OfModule(typed(config))


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return typed(value)
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return _read(value) if isinstance(value, str) and not value.startswith("#") else value


def _read(text: str) -> Any:
    """A number, true, false or null; any other text unchanged, since Snakemake has parsed lists and mappings."""
    try:
        value = strict_yaml.parse(text)
    except strict_yaml.Misleading as error:
        raise InputError(f"--config: {error}, both in a file for --configfile") from error
    except (yaml.YAMLError, ValueError):
        return text
    return text if isinstance(value, list | dict) else value
