"""Logits of examples that a run did not learn from: its validation split, or its hold-out."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.deploy.model import Model
from longtail.deploy.run import Run
from longtail.engine import objective
from longtail.engine.forms import Form
from longtail.features.hold_out import hold_out
from longtail.runtime import files, npz, parts

VALIDATION = "the validation split"
HOLD_OUT = "training examples that the subset leaves out"


class Validation(NamedTuple):
    """Logits [N, K] and labels [N] of the examples `of` a set; without any, `of` says why."""

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    of: str


def of(run: Run, model: Model, data: Data, subset: Subset, form: Form | None, has_features: bool) -> Validation:
    """What a temperature can be fitted on.

    `form` gives the run's own examples, None if they stay in files that are not at hand. `has_features` says that the
    run's features.npz are those of the model's backbone, so that the hold-out need not pass through it again.
    """
    if form is not None and (split := form.validation()) is not None:
        return Validation(objective.predict(model, split[0]).numpy(), split[1].numpy(), VALIDATION)
    if reason := _why_not(run):
        return _none(reason)
    chosen = hold_out(data.train_labels, subset, len(data.classes))
    if not len(chosen):
        return _none("the data set has no validation split, and the subset leaves no training example out")
    labels = data.train_labels[chosen]
    if has_features:
        features = npz.load(run.features, ["held_out_features"], "features")["held_out_features"]
        with torch.inference_mode():
            logits = model.network.classifier(torch.from_numpy(features)).numpy()
        return Validation(logits, labels, HOLD_OUT)
    if form is None:
        return _none("the images stay in files that are not at hand")
    return Validation(objective.predict(model, form.training(chosen, augment=False)).numpy(), labels, HOLD_OUT)


def _why_not(run: Run) -> str:
    algorithm = files.read_json(run.network / "provenance.json", "settings")["settings"]["algorithm"]["name"]
    if parts.literal("stage1.algorithms", algorithm, "LEARNS_FROM_LEFT_OUT", False):
        return f"the algorithm {algorithm} has learnt from the training examples that the subset leaves out"
    return ""


def _none(reason: str) -> Validation:
    return Validation(np.empty((0, 0), np.float32), np.empty(0, np.int64), reason)
