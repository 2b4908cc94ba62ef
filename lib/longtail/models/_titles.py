"""Shared by the backbones for titles: embeddings that start from trained vectors, dropout, initialisation."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

BYTE = 8


class TitleInputs(NamedTuple):
    """What a backbone for titles is built for: the vectors [V, D] that characters start from, and L of a title."""

    vectors: Tensor
    length: int


class Halved(nn.Module):
    """Dropout of one half, as all three networks have it: a random bit a number, eight of a draw.

    PyTorch would draw a whole random number for every bit.
    """

    patterns: Tensor

    def __init__(self) -> None:
        super().__init__()
        bits = torch.arange(2**BYTE)[:, None] >> torch.arange(BYTE) & 1  # [256, 8]
        # Kept numbers are doubled, so that the mean does not change.
        self.register_buffer("patterns", 2.0 * bits, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Half of the numbers of x 0 and the others doubled; x itself in evaluation mode."""
        if not self.training:
            return x
        draws = torch.empty(-(-x.numel() // BYTE), dtype=torch.uint8, device=x.device).random_().int()
        masks = self.patterns.to(x.dtype).index_select(0, draws)  # [numbers / 8, 8]
        return x * masks.view(-1)[: x.numel()].view(x.shape)


def characters(inputs: TitleInputs) -> nn.Embedding:
    """The vectors [V, D] of characters, learnt on; that of padding is no exception (methods card 1.3)."""
    size, width = inputs.vectors.shape
    return nn.Embedding(size, width, _weight=inputs.vectors.clone())


def draw_xavier(module: nn.Module) -> None:
    """Weights from xavier_normal and biases 0, but for embeddings (`init_network` of the repository)."""
    for part in module.modules():
        if isinstance(part, nn.Embedding):
            continue
        for name, value in part.named_parameters(recurse=False):
            if "bias" in name:
                nn.init.zeros_(value)
            elif isinstance(part, nn.Conv1d):
                # There a filter is one channel's k x D, which counts more outputs than k-wide filters of D channels.
                nn.init.xavier_normal_(value.unsqueeze(1))
            else:
                nn.init.xavier_normal_(value)
