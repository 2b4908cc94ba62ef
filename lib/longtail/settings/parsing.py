"""Parses the JSON text of a job's parameters into frozen dataclasses."""

import functools
import json
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from types import NoneType
from typing import Any, Self

from longtail.runtime.errors import InputError
from longtail.runtime.parts import nearest


class Settings:
    """The base of dataclasses that are parsed from a mapping of their fields; fields with defaults may be absent."""

    @classmethod
    def parse(cls, values: str | Mapping[str, Any], where: str = "settings") -> Self:
        """The settings in a mapping, or in its JSON text.

        Types of values are checked by the schemas, not here. Raises InputError, beginning with `where`, for an
        unknown or a missing key.
        """
        mapping = json.loads(values) if isinstance(values, str) else values
        kind: Any = cls
        hints, own = _hints(kind), _fields(kind)
        for key in mapping:
            if key not in own:
                raise InputError(f"{where}: unknown setting '{key}': {nearest(key, own)}")
        for key, field in own.items():
            if key not in mapping and field.default is MISSING and field.default_factory is MISSING:
                raise InputError(f"{where} lacks the setting '{key}': add it")
        return cls(**{key: _value(hints[key], value, f"{where}.{key}") for key, value in mapping.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """The value of a field: an empty block of an optional field becomes None, and a list a tuple."""
    options = typing.get_args(hint) if NoneType in typing.get_args(hint) else (hint,)
    if NoneType in options and (value is None or value == {}):
        return None
    for option in options:
        if isinstance(option, type) and issubclass(option, Settings):
            return option.parse(value, where)
    return tuple(value) if isinstance(value, list) else value


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


@functools.cache
def _fields(kind: Any) -> dict[str, Field[Any]]:
    return {field.name: field for field in fields(kind)}
