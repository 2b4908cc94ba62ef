"""Loss of a batch, plain or mixed, and inference over a test set."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from longtail.engine.batches import Mixed
from longtail.engine.distributed import World
from longtail.engine.sets import Images

# Losses [B] of logits [B, K] and labels [B], and of weights [B] where images have any.
Loss = Callable[..., Tensor]
# Outputs [B, ...] of a batch of uint8 images [B, H, W, C].
Inference = Callable[[Tensor], Tensor]
INFERENCE_BATCH = 500
NO_SEED = (0, 0, 0, 0)


def batch_loss(loss: Loss, logits: Tensor, batch: Mixed) -> Tensor:
    """Mean of λ_y·L(z, y) + (1−λ_y)·L(z, y[π]); without partners plain L(z, y) (cards "mixup", "Remix").

    Where labels have weights, each L(z, y) takes that of its y.
    """
    first = loss(logits, batch.labels, *_given(batch.weights))
    if batch.partner_labels is None or batch.label_share is None:
        return first.mean()
    share = batch.label_share.to(first.dtype) if batch.label_share.ndim else batch.label_share
    return (share * first + (1 - share) * loss(logits, batch.partner_labels, *_given(batch.partner_weights))).mean()


def _given(weights: Tensor | None) -> tuple[Tensor, ...]:
    return () if weights is None else (weights,)


def top1(logits: Tensor, labels: Tensor) -> float:
    """Share of rows whose largest logit is the label's."""
    return float((logits.argmax(1) == labels).double().mean())


@torch.inference_mode()
def predict(infer: Inference, images: Images, chosen: NDArray[np.int64] | None = None) -> Tensor:
    """Float32 outputs of the chosen images (all of them in order, if none are named), on the images' device."""
    order = np.arange(len(images)) if chosen is None else chosen
    batches = images.batches(order, INFERENCE_BATCH, NO_SEED)
    return torch.cat([infer(batch).float() for batch in batches])


def mean_cross_entropy(infer: Inference, images: Images, labels: Tensor) -> float:
    """Mean of −log p_y over a set, in float64: what a training may stop early on, whatever its own loss is."""
    return float(F.cross_entropy(predict(infer, images).double(), labels))


def shared_top1(infer: Inference, images: Images, labels: Tensor, world: World) -> float:
    """Top-1 accuracy over all images, of which every process of a training tests some."""
    chosen = np.arange(len(images))[world.rows(len(images))]
    right = (predict(infer, images, chosen).argmax(1) == labels[torch.from_numpy(chosen).to(labels.device)]).sum()
    total = right.double() * world.share(len(images)) / len(chosen)
    world.add_up([total])
    return float(total)
