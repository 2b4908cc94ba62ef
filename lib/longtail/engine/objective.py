"""Loss of a batch, plain or mixed, and inference over a test set."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from longtail.engine.batches import Mixed
from longtail.engine.distributed import World
from longtail.engine.forms import Examples
from longtail.engine.seeding import Epoch

# Losses [B] of logits [B, K] and labels [B], and of weights [B] if images have weights.
Loss = Callable[..., Tensor]
# Outputs [B, ...] of a batch of examples.
Inference = Callable[[Tensor], Tensor]
INFERENCE_BATCH = 500
# For sets that are not augmented, where nothing is drawn.
NO_EPOCH = Epoch(0, 0)


def batch_loss(loss: Loss, logits: Tensor, batch: Mixed) -> Tensor:
    """Mean of λ_y·L(z, y) + (1−λ_y)·L(z, y[π]); without partners plain L(z, y) (cards "mixup", "Remix").

    If labels have weights, each L(z, y) uses the weight of its y.
    """
    first = loss(logits, batch.labels, *_optional(batch.weights))
    if batch.partner_labels is None or batch.label_share is None:
        return first.mean()
    share = batch.label_share.to(first.dtype) if batch.label_share.ndim else batch.label_share
    second = loss(logits, batch.partner_labels, *_optional(batch.partner_weights))
    return (share * first + (1 - share) * second).mean()


def _optional(weights: Tensor | None) -> tuple[Tensor, ...]:
    return () if weights is None else (weights,)


def top1(logits: Tensor, labels: Tensor) -> float:
    """Share of rows whose largest logit is that of the label."""
    return float((logits.argmax(1) == labels).double().mean())


@torch.inference_mode()
def predict(infer: Inference, examples: Examples, chosen: NDArray[np.int64] | None = None) -> Tensor:
    """Float32 outputs of the `chosen` examples (all in order by default), on their device."""
    order = np.arange(len(examples)) if chosen is None else chosen
    batches = examples.batches(order, INFERENCE_BATCH, NO_EPOCH)
    return torch.cat([infer(batch).float() for batch in batches])


def mean_cross_entropy(infer: Inference, examples: Examples, labels: Tensor) -> float:
    """Mean of −log p_y over a set, in float64: the criterion of early stopping, whatever the training loss is."""
    return float(F.cross_entropy(predict(infer, examples).double(), labels))


def shared_top1(infer: Inference, examples: Examples, labels: Tensor, world: World) -> float:
    """Top-1 accuracy over all examples, which the processes of a training share among them."""
    chosen = np.arange(len(examples))[world.rows(len(examples))]
    right = (predict(infer, examples, chosen).argmax(1) == labels[torch.from_numpy(chosen).to(labels.device)]).sum()
    total = right.double() * world.share(len(examples)) / len(chosen)
    world.add_up([total])
    return float(total)
