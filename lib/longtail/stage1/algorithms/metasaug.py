"""MetaSAug (Li et al., CVPR 2021): semantic augmentation with class covariances that a balanced set corrects."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import grad, jvp
from torch.nn import functional as F

from longtail.engine import objective, schedule
from longtail.engine.batches import Batch, Mixed
from longtail.engine.seeding import Epoch
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.stage1.algorithms._meta import MetaLearner

WHOLE_BATCHES = True
WITHOUT = ["mixing"]
DEFERS = True
LEARNS_FROM_LEFT_OUT = True
WORK = 1.8
SETTINGS = {
    "per_class": {"type": "integer", "minimum": 1, "description": "images of each class in the meta set"},
    "batch_size": {"type": "integer", "minimum": 1, "description": "meta images per step"},
    "strength": {"type": "number", "minimum": 0, "description": "λ: how far features are augmented at the end"},
    "rate": {"type": "number", "exclusiveMinimum": 0, "description": "learning rate of the covariances' step"},
}
WEIGHT = "classifier.weight"


class Learner(MetaLearner):
    """Plain cross-entropy for the recipe's `defer` epochs, then the method's loss of semantically augmented logits.

    These are z_j + λ_t/2·(w_j − w_y)ᵀ Σ*_y (w_j − w_y), with λ_t = λ·(e − 1)/E in epoch e of E: their cross-entropy
    is an upper bound of its mean over features drawn from N(f, λ_t·Σ*_y). Σ_k is the covariance of the features of
    class k in this phase, which takes in the batch of a step at its end. Σ* = Σ − rate·∂L_meta(θ − η·∇L(θ, Σ))/∂Σ
    serves one step and is not projected; L_meta is the cross-entropy of a batch of the meta set, and η the recipe's
    rate of the epoch before. Source: the paper and its official code for CIFAR (methods card "MetaSAug"); meta images
    are images that the subset leaves out, as far as there are enough.
    """

    memory: "RunningCovariances"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        head = self.settings.head.name
        if not parts.literal("heads", head, "LINEAR", False):
            raise InputError(
                f"algorithm metasaug requires a linear head, which '{head}' is not: set the method's stage1.head"
            )
        self.strength = self.rate_ahead = 0.0

    def build_memory(self, features: int, outputs: int) -> nn.Module:
        """The running covariances of the classes."""
        return RunningCovariances(outputs, features)

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """Batches of training images, with meta images in the second phase."""
        recipe = self.settings.recipe
        self.strength = self.own["strength"] * (epoch.number - 1) / recipe.epochs
        self.rate_ahead = schedule.learning_rate(recipe, max(epoch.number - 1, 1))
        return super().batches(epoch)

    def second_loss(self, own: Mixed, balanced: Mixed) -> Tensor:
        """The loss with corrected covariances; afterwards the running ones take in the features."""
        network: Any = self.module
        weight = network.classifier.weight
        corrected = self.corrected(own, balanced)
        with self.backend.autocast():
            features = network.backbone(own.inputs)
        features = features.to(weight.dtype)
        loss = self.augmented_loss(network.classifier(features), weight, own, corrected)
        self.memory.take_in(features.detach(), own.labels)
        return loss

    def augmented_loss(self, logits: Tensor, weight: Tensor, own: Mixed, covariances: Tensor) -> Tensor:
        """L(θ, Σ): the mean loss for logits [B, K], the classifier's weight [K, D] and covariances [K, D, D]."""
        added = self.strength / 2 * spreads(weight, covariances)[own.labels]
        return objective.batch_loss(self.criterion, logits + added, own)

    def corrected(self, own: Mixed, balanced: Mixed) -> Tensor:
        """Σ* [K, D, D] for the images `own`, from the meta images `balanced`.

        ∂L_meta/∂Σ = −η·⟨∇L_meta(θ'), ∂/∂θ⟩ ∂L/∂Σ is computed by one forward-mode pass, without a second-order graph.
        """
        learning, running, rate = self.learning(), self.memory.covariances, self.rate_ahead
        gradients = grad(lambda at: self.augmented_loss(self.logits_at(at, own), at[WEIGHT], own, running))(learning)
        uphill = self.uphill(learning, gradients, rate, balanced)

        def by_covariances(at: dict[str, Tensor]) -> Tensor:
            # Forward mode does not support autocast, so this pass is in float32.
            logits = self.logits_at(at, own, cast=False)
            slope: Tensor = grad(lambda given: self.augmented_loss(logits, at[WEIGHT], own, given))(running)
            return slope

        turned: Any = jvp(by_covariances, (learning,), (uphill,))[1]
        return running + self.own["rate"] * rate * turned.detach()  # type: ignore[no-any-return]


class RunningCovariances(nn.Module):
    """Means [K, D] and covariances [K, D, D] (divided by n) of all features that were taken in, by class."""

    counts: Tensor
    means: Tensor
    covariances: Tensor

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(classes, dtype=torch.int64))
        self.register_buffer("means", torch.zeros(classes, features))
        self.register_buffer("covariances", torch.zeros(classes, features, features))

    def take_in(self, features: Tensor, labels: Tensor) -> None:
        """Add features [B, D] with their labels [B]; classes without any stay as they are.

        With ρ = n/(n + N), batch mean a and covariance V of a class: Σ ← (1 − ρ)Σ + ρV + ρ(1 − ρ)(μ − a)(μ − a)ᵀ and
        μ ← (1 − ρ)μ + ρa.
        """
        classes, width = self.means.shape
        belongs = F.one_hot(labels, classes).to(features.dtype)  # [B, K]
        sizes = belongs.sum(0)
        new_means = (belongs.T @ features) / sizes.clamp(min=1)[:, None]
        centred = features - new_means[labels]
        squares = (centred[:, :, None] * centred[:, None]).flatten(1)  # [B, D·D]
        new = (belongs.T @ squares / sizes.clamp(min=1)[:, None]).view(classes, width, width)
        share = (sizes / (sizes + self.counts).clamp(min=1))[:, None]
        between = self.means - new_means
        apart = (share * (1 - share))[:, :, None] * between[:, :, None] * between[:, None]
        self.covariances.lerp_(new, share[:, :, None]).add_(apart)
        self.means.lerp_(new_means, share)
        self.counts.add_(sizes.to(torch.int64))


def spreads(weight: Tensor, covariances: Tensor) -> Tensor:
    """(w_j − w_k)ᵀ Σ_k (w_j − w_k) [k, j] of the classifier's weight [K, D] and covariances [K, D, D]."""
    between = weight - weight[:, None]  # [k, j, D]
    return ((between @ covariances) * between).sum(2)
