"""Meta class weights (Jamal et al., CVPR 2020): each image's weight is corrected by its effect on a balanced set."""

import dataclasses
from typing import Any

import torch
from torch import Tensor
from torch.func import grad, jvp

from longtail.engine import objective
from longtail.engine.batches import Mixed
from longtail.stage1.algorithms._meta import MetaLearner

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


class Learner(MetaLearner):
    """Plain cross-entropy for the recipe's `defer` epochs, then the method's loss with weights w_y + ε.

    ε = −rate·∂L_meta(θ − η·∇Σ_j (w_y + ε_j)·L_j)/∂ε at ε = 0, with L_meta the cross-entropy of a batch of the meta
    set and η the step's learning rate; w_y is the weight of the current `weighting`. Weights are not clipped. Source:
    the paper and its official code (methods card "MCW"); meta images are images that the subset leaves out, as far as
    there are enough.
    """

    def second_loss(self, own: Mixed, balanced: Mixed) -> Tensor:
        """The loss with the corrected weights."""
        weights = torch.ones_like(own.labels, dtype=torch.float32) if own.weights is None else own.weights
        corrected = dataclasses.replace(own, weights=weights + self.correction(own, balanced, weights))
        with self.backend.autocast():
            logits = self.module(own.inputs)
        return objective.batch_loss(self.criterion, logits, corrected)

    def correction(self, own: Mixed, balanced: Mixed, weights: Tensor) -> Tensor:
        """ε [B] of the images `own` with weights [B], from the meta images `balanced`.

        ∂L_meta/∂ε_j = −η·⟨∇L_meta(θ'), ∇L_j(θ)⟩ for all j is computed by one forward-mode pass, without second-order
        gradients.
        """
        learning, first = self.learning(), self.optimizer.param_groups[0]
        rate = first["lr"] / first["rate_factor"]
        gradients = grad(lambda at: (weights * self.criterion(self.logits_at(at, own), own.labels)).sum())(learning)
        uphill = self.uphill(learning, gradients, rate, balanced)
        # Forward mode does not support autocast, so this pass is in float32.
        of_images: Any = jvp(
            lambda at: self.criterion(self.logits_at(at, own, cast=False), own.labels), (learning,), (uphill,)
        )
        slopes = of_images[1]
        return self.own["rate"] * rate * slopes.detach()  # type: ignore[no-any-return]
