"""Penultimate features and logits of a Stage-1 run, in evaluation mode and float32, not augmented."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import checkpoint, device, forms, objective
from longtail.engine.forms import Examples
from longtail.features.hold_out import hold_out
from longtail.models import network
from longtail.runtime import npz, parts
from longtail.settings.extraction import Extraction

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """Features [N, D] and logits [N, K] of the subset and the test set by the last checkpoint, with labels [N].

    `best_test_logits` are the test logits of the best checkpoint. Held-out images are training images that the subset
    leaves out; without any, their features are [0, D]. `weight` [K, D] and `bias` [K] are the classifier; [0, D] and
    [0] if it is not linear.
    """

    train_features: Floats
    train_logits: Floats
    train_labels: NDArray[np.int64]
    test_features: Floats
    test_logits: Floats
    test_labels: NDArray[np.int64]
    best_test_logits: Floats
    held_out_features: Floats
    held_out_labels: NDArray[np.int64]
    weight: Floats
    bias: Floats


def extract(
    data: Data,
    subset: Subset,
    settings: Extraction,
    last: Path | str,
    best: Path | str,
    workers: int = 0,
) -> Features:
    """Pass the subset, the test set and the hold-out through the checkpoints of a Stage 1 with these `settings`.

    `workers` processes decode images that are kept in files.
    """
    where, head = device.prepare(settings.compute).device, settings.head
    form = forms.of(data, settings.preprocessing, where, workers)
    built = network.build(settings.backbone, form.inputs, len(data.classes), seed=0, head=head)
    built.eval().to(where).to(memory_format=torch.channels_last)
    train, test = form.training(subset.indices, augment=False), form.testing()

    def outputs(examples: Examples) -> tuple[Floats, Floats]:
        features = objective.predict(lambda batch: built.backbone(form.normalise(batch)), examples)
        with torch.inference_mode():
            return features.cpu().numpy(), built.classifier(features).cpu().numpy()

    built.load_state_dict(checkpoint.load(best))
    _, best_test_logits = outputs(test)
    state = checkpoint.load(last)
    built.load_state_dict(state)
    train_features, train_logits = outputs(train)
    test_features, test_logits = outputs(test)
    held_out = hold_out(data.train_labels, subset, len(data.classes))
    held_out_features = np.empty((0, train_features.shape[1]), np.float32)
    if len(held_out):
        held_out_features, _ = outputs(form.training(held_out, augment=False))
    return Features(
        train_features,
        train_logits,
        data.train_labels[subset.indices],
        test_features,
        test_logits,
        data.test_labels,
        best_test_logits,
        held_out_features,
        data.train_labels[held_out],
        *_classifier(state, parts.literal("heads", head.name, "LINEAR", False)),
    )


def _classifier(state: dict[str, torch.Tensor], is_linear: bool) -> tuple[Floats, Floats]:
    weight = state["classifier.weight"].numpy()
    return (weight, state["classifier.bias"].numpy()) if is_linear else (weight[:0], np.empty(0, np.float32))


def save(path: Path | str, features: Features) -> None:
    """Write all arrays into one .npz."""
    npz.save(path, vars(features))


def load(path: Path | str) -> Features:
    """Read what `save` has written; raises InputError if the file is damaged."""
    return Features(**npz.load(path, [field.name for field in fields(Features)], "features"))
