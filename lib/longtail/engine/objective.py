"""Loss of a batch, plain or mixed, and inference over a resident test set."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from longtail.engine import device
from longtail.engine.images import Batch, ImageSet

Loss = Callable[[Tensor, Tensor], Tensor]
INFERENCE_BATCH = 500


def batch_loss(loss: Loss, logits: Tensor, batch: Batch) -> Tensor:
    """Mean of λ·L(z, y) + (1−λ)·L(z, y[π]); without a partner plain L(z, y) (mixup card)."""
    if batch.partner is None:
        return loss(logits, batch.labels).mean()
    first, second = loss(logits, batch.labels), loss(logits, batch.labels[batch.partner])
    return (batch.share * first + (1 - batch.share) * second).mean()


def batched(images: ImageSet) -> Iterator[Tensor]:
    """All images in order, not augmented, normalised."""
    for start in range(0, len(images), INFERENCE_BATCH):
        yield images.take(np.arange(start, min(start + INFERENCE_BATCH, len(images))))


def top1(logits: Tensor, labels: Tensor) -> float:
    """Share of rows whose largest logit is the label's."""
    return float((logits.argmax(1) == labels).double().mean())


@torch.inference_mode()
def predict(module: Callable[[Tensor], Tensor], images: ImageSet, precision: torch.dtype) -> Tensor:
    """Float32 outputs of a module over all images, on the images' device."""
    with device.autocast(images.device, precision):
        return torch.cat([module(batch).float() for batch in batched(images)])
