"""Checks that the checkpoints of an imported Stage 1 belong to the same network as the requested one."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longtail.data.arrays import Data
from longtail.engine import checkpoint, forms
from longtail.models import network
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.settings.stage1 import Stage1
from longtail.stage1.imported import CHECKPOINTS


def check(source: Path, data: Data, settings: Stage1, where: str) -> None:
    """Raises InputError, beginning with `where`, for the first tensor that differs from the network here."""
    form = forms.of(data, settings.preprocessing, torch.device("cpu"))
    outputs: int = parts.literal("stage1.algorithms", settings.algorithm.name, "OUTPUTS", len(data.classes))
    built = network.build(settings.backbone, form.inputs, outputs, seed=0, head=settings.head)
    here = built.state_dict()
    for name in CHECKPOINTS:
        there = checkpoint.load(source / name)
        if not isinstance(there, dict):
            raise InputError(f"{where}: {source / name} is no state of a network: name a finished Stage 1")
        for key in sorted(here.keys() | there.keys()):
            if (theirs := _shape(there, key)) != (ours := _shape(here, key)):
                raise InputError(
                    f"{where}: {source / name} has another network: '{key}' is {theirs} there and {ours} here, with "
                    f"{outputs} classes: name a Stage 1 of this backbone and number of classes"
                )


def _shape(state: dict[str, Any], key: str) -> str:
    value = state.get(key)
    if not isinstance(value, Tensor):
        return "no tensor"
    return " x ".join(map(str, value.shape)) or "a number"
