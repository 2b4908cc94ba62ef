"""A part that a stage names: a loss, a head, a sampler, …"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from longtail.runtime.errors import InputError
from longtail.settings.parsing import Settings


@dataclass(frozen=True)
class Part(Settings):
    """The name of a part with the settings that its file declares as `SETTINGS`."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, values: str | Mapping[str, Any], where: str = "part") -> Self:
        """The part of a block `{name: …, …}`; all other keys of the block are its settings."""
        block = json.loads(values) if isinstance(values, str) else values
        if "name" not in block:
            raise InputError(f"{where} lacks the setting 'name': add it")
        return cls(block["name"], {key: value for key, value in block.items() if key != "name"})
