"""Two phases of training, of which the second also learns from a balanced meta set by gradients through a step."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, grad
from torch.nn import functional as F

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import batches, seeding
from longtail.engine.batches import Batch, Mixed
from longtail.engine.seeding import Epoch
from longtail.losses.cross_entropy import CrossEntropy
from longtail.runtime.errors import InputError
from longtail.stage1.learner import Pool, Stage1Learner

Parameters = dict[str, Tensor]


class MetaLearner(Stage1Learner):
    """Plain cross-entropy for the recipe's `defer` epochs, then `second_loss` of training and meta images.

    Meta images are images that the subset leaves out, as far as there are enough. Settings of the algorithm:
    `per_class`, the meta images of a class, and `batch_size`, those of a step.
    """

    fusible = False

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
        name, per_class = self.settings.algorithm.name, self.own["per_class"]
        kept, meta = meta_set(data.train_labels, subset, per_class, name)
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
        """The cross-entropy of the first phase, or the loss of the second."""
        if not self.meta_phase:
            with self.backend.autocast():
                logits = self.module(batch.inputs)
            return self.first_phase(logits, batch.labels).mean()  # type: ignore[no-any-return]
        meta = self.own["batch_size"]
        # Weighted again without the meta images, since some weightings divide by the mean weight of the batch.
        return self.second_loss(self.weighting(batch.rows(slice(None, -meta))), batch.rows(slice(-meta, None)))

    def second_loss(self, own: Mixed, balanced: Mixed) -> Tensor:
        """The mean loss of the images `own`, with their weights, by means of the meta images `balanced`."""
        raise NotImplementedError

    def learning(self) -> Parameters:
        """The trainable parameters, by name."""
        return {name: value.detach() for name, value in self.module.named_parameters() if value.requires_grad}

    def uphill(self, learning: Parameters, gradients: Parameters, rate: float, balanced: Mixed) -> Parameters:
        """∇L_meta(θ − rate·gradients), L_meta the cross-entropy of the meta images; all at the rates of the parts.

        Its product with the derivative of the gradients by some quantity, times −rate, is that of L_meta by it.
        """
        ahead = self._at_their_rates(gradients)
        moved = {name: value - rate * ahead[name] for name, value in learning.items()}
        return self._at_their_rates(
            grad(lambda at: F.cross_entropy(self.logits_at(at, balanced), balanced.labels))(moved)
        )

    def logits_at(self, parameters: Parameters, batch: Mixed, cast: bool = True) -> Tensor:
        """Logits with other parameters and batch statistics; the running statistics do not change."""
        own_copies = {name: value.clone() for name, value in self.module.named_buffers()}
        with self.backend.autocast() if cast else contextlib.nullcontext():
            logits: Tensor = functional_call(self.module, (parameters, own_copies), (batch.inputs,))
        return logits

    def _at_their_rates(self, gradients: Parameters) -> Parameters:
        """Gradients times the multiple of the rate that their parameters learn at."""
        scaled = {name: factor * gradients[name] for name, factor in self.factors.items()}
        return gradients | scaled


def meta_set(
    labels: NDArray[np.int64], subset: Subset, per_class: int, algorithm: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The remaining training images, and `per_class` meta images of each class: indices into the training labels [N].

    Images that the subset leaves out are used first, in the same order for all seeds; if a class has too few of them,
    the last of its training images are taken. Raises InputError, naming the algorithm, if that would be all of them.
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
                f"algorithm {algorithm} requires {per_class} meta images of class {label}, which has {len(inside)} "
                f"and {len(outside)} that the subset leaves out: lower stage1.algorithm.per_class"
            )
        meta += [outside, taken]
        removed.append(taken)
    return subset.indices[~np.isin(subset.indices, np.concatenate(removed))], np.concatenate(meta)
