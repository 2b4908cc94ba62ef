"""Losses, one file each, found by name: `build(settings, counts)` gives a `Loss` of logits [B, K] and labels [B].

A loss with settings names them in `SETTINGS`, a literal, so that a config is checked before anything runs. One that
looks at the whole batch says `WHOLE_BATCHES = True`.

Each file also offers its loss as a class, for use without the rest: `from longtail.losses import BalancedSoftmax`.
"""

import importlib
from typing import Any

from longtail.runtime import parts
from longtail.weightings.class_balanced import class_weights


def __getattr__(name: str) -> Any:
    """The class `BalancedSoftmax` of the file balanced_softmax.py, imported when it is asked for."""
    for part in parts.names("losses"):
        if part.replace("_", "") == name.lower():
            return getattr(importlib.import_module(f"longtail.losses.{part}"), name)
    raise AttributeError(f"longtail.losses has no loss '{name}'")


__all__ = ["class_weights"]
