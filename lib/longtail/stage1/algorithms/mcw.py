"""Meta class weights (Jamal et al., CVPR 2020): each image's weight corrected by what it does for a balanced set."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, grad, jvp
from torch.nn import functional as F

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import batches, seeding
from longtail.engine.batches import Batch, Mixed
from longtail.engine.seeding import Epoch
from longtail.losses.cross_entropy import CrossEntropy
from longtail.runtime.errors import InputError
from longtail.stage1.learner import Pool, Stage1Learner

WHOLE_BATCHES = True
WITHOUT = ["mixing"]
DEFERS = True
WORK = 1.8
SETTINGS = {
    "per_class": {"type": "integer", "minimum": 1, "description": "images of each class in the meta set"},
    "batch_size": {"type": "integer", "minimum": 1, "description": "meta images a step"},
    "rate": {"type": "number", "exclusiveMinimum": 0, "description": "rate of the one step that ε makes from 0"},
}
Parameters = dict[str, Tensor]


class Learner(Stage1Learner):
    """Plain cross-entropy for the recipe's `defer` epochs, then the method's loss under weights w_y + ε.

    ε = −rate·∂L_meta(θ − η·∇Σ_j (w_y + ε_j)·L_j)/∂ε at ε = 0, with L_meta the cross-entropy of a batch of the meta
    set and η the step's learning rate; w_y is what the `weighting` in force says. Weights are not clipped. Source:
    the paper and its official code (methods card "MCW"); meta images are such as the subset leaves out, as far as
    there are any.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        # The two phases take different steps on batches that may be equally large: a recording would mix them up.
        self.backend = dataclasses.replace(self.backend, capture=False)
        self.first_phase = CrossEntropy()
        self.meta_phase = False

    def pool(self, data: Data, subset: Subset) -> Pool:
        """The images trained on, followed by the meta set."""
        kept, meta = meta_set(data.train_labels, subset, self.own["per_class"])
        indices = np.concatenate([kept, meta])
        self.kept = len(kept)
        return data, indices, data.train_labels[indices]

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """Batches of the images trained on; in the second phase each with meta images behind them."""
        self.begin(epoch)
        self.meta_phase = self.is_deferred(epoch)
        size, beside = self.settings.recipe.batch_size, self.own["batch_size"]
        order = self.order(epoch, self.labels[: self.kept])
        if not self.meta_phase:
            return self.in_order(order, size, epoch)
        meta, rng = np.arange(self.kept, len(self.labels)), epoch.generator(seeding.SECOND_ORDER)
        rounds = math.ceil(math.ceil(len(order) / size) * beside / len(meta))
        drawn = np.concatenate([rng.permutation(meta) for _ in range(rounds)])
        return self.in_order(batches.side_by_side(order, drawn, size, beside), size + beside, epoch)

    def loss(self, batch: Mixed) -> Tensor:
        """The first phase's cross-entropy, or the loss under the corrected weights."""
        if not self.meta_phase:
            with self.backend.autocast():
                logits = self.module(batch.inputs)
            return self.first_phase(logits, batch.labels).mean()  # type: ignore[no-any-return]
        meta = self.own["batch_size"]
        # Weighed anew, since weights that are divided by their mean would be by that of the meta images as well.
        own, balanced = self.weighting(batch.rows(slice(None, -meta))), batch.rows(slice(-meta, None))
        weights = torch.ones_like(own.labels, dtype=torch.float32) if own.weights is None else own.weights
        return super().loss(dataclasses.replace(own, weights=weights + self.correction(own, balanced, weights)))

    def correction(self, own: Mixed, balanced: Mixed, weights: Tensor) -> Tensor:
        """ε [B] of the images `own` with weights [B], from the meta images `balanced`.

        ∂L_meta/∂ε_j = −η·⟨∇L_meta(θ'), ∇L_j(θ)⟩ is read off one forward-mode pass for all j: no second-order graph.
        """
        learning = {name: value.detach() for name, value in self.module.named_parameters() if value.requires_grad}
        rate = self.optimizer.param_groups[0]["lr"]
        ahead = grad(lambda at: (weights * self.criterion(self._logits(at, own), own.labels)).sum())(learning)
        moved = {name: value - rate * ahead[name] for name, value in learning.items()}
        uphill = grad(lambda at: F.cross_entropy(self._logits(at, balanced), balanced.labels))(moved)
        # Forward mode knows no autocast, so this pass is in float32.
        of_images: Any = jvp(
            lambda at: self.criterion(self._logits(at, own, cast=False), own.labels), (learning,), (uphill,)
        )
        slopes = of_images[1]
        return self.own["rate"] * rate * slopes.detach()  # type: ignore[no-any-return]

    def _logits(self, parameters: Parameters, batch: Mixed, cast: bool = True) -> Tensor:
        """Logits of other parameters, under batch statistics; the running ones are left alone."""
        own_copies = {name: value.clone() for name, value in self.module.named_buffers()}
        with self.backend.autocast() if cast else contextlib.nullcontext():
            logits: Tensor = functional_call(self.module, (parameters, own_copies), (batch.inputs,))
        return logits


def meta_set(
    labels: NDArray[np.int64], subset: Subset, per_class: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What is left to train on, and `per_class` images of each class: indices into the training labels [N].

    Images that the subset leaves out come first, in one order for all seeds; where a class has too few of them, the
    last of its kept images make up for it. Raises InputError where that would take all of a class.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    unused = order[~np.isin(order, subset.indices)]
    meta, given = [], []
    for label in range(len(subset.counts)):
        outside = unused[labels[unused] == label][:per_class]
        inside = subset.indices[labels[subset.indices] == label]
        taken = inside[len(inside) - (per_class - len(outside)) :] if len(outside) < per_class else inside[:0]
        if len(outside) < per_class and len(inside) <= per_class - len(outside):
            raise InputError(
                f"algorithm mcw wants {per_class} meta images of class {label}, which has {len(inside)} and "
                f"{len(outside)} that the subset leaves out: lower stage1.algorithm.per_class"
            )
        meta += [outside, taken]
        given.append(taken)
    return subset.indices[~np.isin(subset.indices, np.concatenate(given))], np.concatenate(meta)
