"""Small real trainings that several tests share: ResNet-32 on some of scikit-learn's digits."""

import copy
import functools
import tempfile
from pathlib import Path
from typing import Any

from torch import Tensor

from longtail.config import load
from longtail.config.registry import PARTS, named_parts
from longtail.data.forms.images import Arrays
from longtail.data.long_tail import Subset, cut
from longtail.data.sources import digits
from longtail.engine.resume import Resume
from longtail.runtime import parts
from longtail.stage1 import train

COMPUTE = {
    "device": "cpu",
    "precision": "float32",
    "threads": 1,
    "micro_batches": 1,
    "processes": 1,
    "capture": True,
    "deterministic": False,
}
PREPROCESSING = {"crop_padding": 1, "flip": True, "mean": [0.305], "std": [0.376]}
RECIPE = {
    "epochs": 3,
    "batch_size": 32,
    "batches": "ceil",
    "learning_rate": 0.05,
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 5.0e-4,
    "schedule": {"kind": "step", "warmup": 2, "warmup_from": 0, "milestones": [], "factor": 0.1},
    "evaluate": {"every": 1, "each_from": 1},
}
STAGE1 = {
    "backbone": "resnet32",
    "loss": {"name": "cross_entropy"},
    "head": {"name": "linear"},
    "mixing": {"name": "mixup", "alpha": 1.0},
    "weighting": None,
    "deferred": None,
    "algorithm": {"name": "standard"},
    "sampler": {"name": "instance_balanced"},
    "preprocessing": PREPROCESSING,
    "recipe": RECIPE,
    "compute": COMPUTE,
    "seeds": {"initialisation": 0, "order": 0},
}
STAGE2 = {
    "backbone": "resnet32",
    "classifier": {"keep_stage1": True, "weight_rate": 0.5, "scale_rate": 1.0, "offset_rate": 0.0},
    "loss": {"name": "label_aware_smoothing", "head": 0.3, "tail": 0.0, "form": "concave", "las_form": "code"},
    "sampler": {"name": "class_aware"},
    "generator": {"name": "real"},
    "augment": True,
    "mixing": None,
    "batch_norm": "frozen",
    "preprocessing": PREPROCESSING,
    "recipe": {**RECIPE, "epochs": 2, "batches": "ceil_plus_one", "schedule": {"kind": "cosine"}},
    "compute": COMPUTE,
    "seeds": {"initialisation": 0, "order": 0},
}


def resume(folder: Path) -> Resume:
    """A resume file that no training has written yet."""
    return Resume(folder / "resume.pt", {"settings": "those of a test"})


def changed(settings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy of `settings` with some keys replaced."""
    return {**copy.deepcopy(settings), **changes}


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
    for method in load.load({}, []).methods.values():
        for dotted, _, block in named_parts(method):
            if dotted.split(".")[-1] == key and block not in found[block["name"]]:
                found[block["name"]].append(block)
    return found
