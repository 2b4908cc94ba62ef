"""Meta class weights (Jamal et al., CVPR 2020): each image's weight is corrected by its effect on a balanced set."""

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
LEARNS_FROM_LEFT_OUT = True
WORK = 1.8
SETTINGS = {
    "per_class": {"type": "integer", "minimum": 1, "description": "images of each class in the meta set"},
    "batch_size": {"type": "integer", "minimum": 1, "description": "meta images per step"},
    "rate": {"type": "number", "exclusiveMinimum": 0, "description": "learning rate of the single step of ε from 0"},
}
Parameters = dict[str, Tensor]


class Learner(Stage1Learner):
    """Plain cross-entropy for the recipe's `defer` epochs, then the method's loss with weights w_y + ε.

    ε = −rate·∂L_meta(θ − η·∇Σ_j (w_y + ε_j)·L_j)/∂ε at ε = 0, with L_meta the cross-entropy of a batch of the meta
    set and η the step's learning rate; w_y is the weight of the current `weighting`. Weights are not clipped. Source:
    the paper and its official code (methods card "MCW"); meta images are images that the subset leaves out, as far as
    there are enough.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # The two phases have different steps for batches that may have equal shapes, which a captured step would mix.
        self.backend = dataclasses.replace(self.backend, capture=False)
        # The rates of parameters as multiples of the recipe's, where they differ.
        groups = [(group["rate_factor"], group["params"]) for group in self.optimizer.param_groups]
        factors = {id(parameter): factor for factor, parameters in groups for parameter in parameters}
        named = self.module.named_parameters()
        self.factors = {name: factors[id(value)] for name, value in named if factors.get(id(value), 1) != 1}
        self.first_phase = CrossEntropy()
        self.meta_phase = False

    def pool(self, data: Data, subset: Subset) -> Pool:
        """The training images, followed by the meta set."""
        kept, meta = meta_set(data.train_labels, subset, self.own["per_class"])
        indices = np.concatenate([kept, meta])
        self.kept = len(kept)
        return data, indices, data.train_labels[indices]

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """Batches of training images; in the second phase each batch ends with meta images."""
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
        """The cross-entropy of the first phase, or the loss with the corrected weights of the second."""
        if not self.meta_phase:
            with self.backend.autocast():
                logits = self.module(batch.inputs)
            return self.first_phase(logits, batch.labels).mean()  # type: ignore[no-any-return]
        meta = self.own["batch_size"]
        # Weighted again without the meta images, since some weightings divide by the mean weight of the batch.
        own, balanced = self.weighting(batch.rows(slice(None, -meta))), batch.rows(slice(-meta, None))
        weights = torch.ones_like(own.labels, dtype=torch.float32) if own.weights is None else own.weights
        return super().loss(dataclasses.replace(own, weights=weights + self.correction(own, balanced, weights)))

    def correction(self, own: Mixed, balanced: Mixed, weights: Tensor) -> Tensor:
        """ε [B] of the images `own` with weights [B], from the meta images `balanced`.

        ∂L_meta/∂ε_j = −η·⟨∇L_meta(θ'), ∇L_j(θ)⟩ for all j is computed by one forward-mode pass, without second-order
        gradients.
        """
        learning = {name: value.detach() for name, value in self.module.named_parameters() if value.requires_grad}
        first = self.optimizer.param_groups[0]
        rate = first["lr"] / first["rate_factor"]
        ahead = self._at_their_rates(
            grad(lambda at: (weights * self.criterion(self._logits(at, own), own.labels)).sum())(learning)
        )
        moved = {name: value - rate * ahead[name] for name, value in learning.items()}
        uphill = self._at_their_rates(
            grad(lambda at: F.cross_entropy(self._logits(at, balanced), balanced.labels))(moved)
        )
        # Forward mode does not support autocast, so this pass is in float32.
        of_images: Any = jvp(
            lambda at: self.criterion(self._logits(at, own, cast=False), own.labels), (learning,), (uphill,)
        )
        slopes = of_images[1]
        return self.own["rate"] * rate * slopes.detach()  # type: ignore[no-any-return]

    def _at_their_rates(self, gradients: Parameters) -> Parameters:
        """Gradients times the multiple of the rate that their parameters learn at."""
        scaled = {name: factor * gradients[name] for name, factor in self.factors.items()}
        return gradients | scaled

    def _logits(self, parameters: Parameters, batch: Mixed, cast: bool = True) -> Tensor:
        """Logits with other parameters and batch statistics; the running statistics do not change."""
        own_copies = {name: value.clone() for name, value in self.module.named_buffers()}
        with self.backend.autocast() if cast else contextlib.nullcontext():
            logits: Tensor = functional_call(self.module, (parameters, own_copies), (batch.inputs,))
        return logits


def meta_set(
    labels: NDArray[np.int64], subset: Subset, per_class: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The remaining training images, and `per_class` meta images of each class: indices into the training labels [N].

    Images that the subset leaves out are used first, in the same order for all seeds; if a class has too few of them,
    the last of its training images are taken. Raises InputError if that would be all of them.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    unused = order[~np.isin(order, subset.indices)]
    meta, removed = [], []
    for label in range(len(subset.counts)):
        outside = unused[labels[unused] == label][:per_class]
        inside = subset.indices[labels[subset.indices] == label]
        taken = inside[len(inside) - (per_class - len(outside)) :] if len(outside) < per_class else inside[:0]
        if len(outside) < per_class and len(inside) <= per_class - len(outside):
            raise InputError(
                f"algorithm mcw requires {per_class} meta images of class {label}, which has {len(inside)} and "
                f"{len(outside)} that the subset leaves out: lower stage1.algorithm.per_class"
            )
        meta += [outside, taken]
        removed.append(taken)
    return subset.indices[~np.isin(subset.indices, np.concatenate(removed))], np.concatenate(meta)
