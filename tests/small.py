"""Small real trainings that several tests share: ResNet-32 on some of scikit-learn's digits."""

import functools
import tempfile
from pathlib import Path
from typing import Any

from tests import definitions
from tests.small_settings import COMPUTE, PREPROCESSING, RECIPE, STAGE1, STAGE2, changed
from torch import Tensor

from longtail.config.registry import PARTS, named_parts
from longtail.data.forms.images import Arrays
from longtail.data.long_tail import Subset, cut
from longtail.data.sources import digits
from longtail.engine.resume import Resume
from longtail.runtime import parts
from longtail.stage1 import train


def resume(folder: Path) -> Resume:
    """A resume file that no training has written yet."""
    return Resume(folder / "resume.pt", {"settings": "those of a test"})


__all__ = ["COMPUTE", "PREPROCESSING", "RECIPE", "STAGE1", "STAGE2", "changed"]


@functools.cache
def data() -> tuple[Arrays, Subset]:
    """All digits, and 199 of the training images at imbalance factor 10 (class 0 has 50, class 9 has 5)."""
    arrays = digits.read({}, None)
    return arrays, cut(arrays.train_labels, 10, 10, seed=0, n_max=50)


@functools.cache
def network_state() -> dict[str, Tensor]:
    """The state of a Stage 1 of three epochs on `data`; not to be changed in place."""
    arrays, subset = data()
    with tempfile.TemporaryDirectory() as folder:
        return train.train(arrays, subset, STAGE1, resume(Path(folder))).last_state


@functools.cache
def blocks(key: str) -> dict[str, list[dict[str, Any]]]:
    """By name, the settings that shipped methods give the parts of a key of `PARTS`, if any do."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in parts.names(PARTS[key])}
    for method in definitions.shipped().methods.values():
        for dotted, _, block in named_parts(method):
            if dotted.split(".")[-1] == key and block not in found[block["name"]]:
                found[block["name"]].append(block)
    return found
