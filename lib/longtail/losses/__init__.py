"""Losses: one file per loss, found by its name; `build(settings, counts)` returns a `Loss`.

A loss declares its settings in `SETTINGS`, a literal, so that a config is checked before anything runs. A loss that
needs the whole batch declares `WHOLE_BATCHES = True`.

Each loss is also a class that can be used alone: `from longtail.losses import BalancedSoftmax`.
"""

import importlib
from typing import Any

from longtail.runtime import parts
from longtail.weightings.class_balanced import class_weights


def __getattr__(name: str) -> Any:
    """The class `BalancedSoftmax` of the file balanced_softmax.py, imported at its first use."""
    for part in parts.names("losses"):
        if part.replace("_", "") == name.lower():
            return getattr(importlib.import_module(f"longtail.losses.{part}"), name)
    raise AttributeError(f"longtail.losses has no loss '{name}'")


__all__ = ["class_weights"]
