"""Transformer encoder (Vaswani et al., NeurIPS 2017) as Chinese-Text-Classification-Pytorch sets it up.

Methods card 1.4. All weights keep PyTorch's own initialisation, as there.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.models._titles import Halved, TitleInputs, characters
from longtail.runtime.errors import InputError

FORM = "titles"
DRAWS = True
HEADS, HIDDEN, LAYERS = 5, 1024, 2
PERIOD = 10000.0


def draw_classifier(classifier: nn.Linear) -> None:
    """PyTorch's own initialisation."""
    classifier.reset_parameters()


class Attention(nn.Module):
    """Self-attention of five heads, over all positions: padding is not masked.

    `mixed` cuts the vectors of a title into heads as the repository does, by their place in memory: a head is then
    a fifth of the title's positions with all their parts, not a part of all positions.
    """

    def __init__(self, width: int, mixed: bool) -> None:
        super().__init__()
        self.mixed = mixed
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """[B, L, D] to [B, L, D]."""
        query, key, value = (self.split(part(x)) for part in (self.query, self.key, self.value))
        # On titles this short a CPU is faster so than by PyTorch's fused attention.
        weights = torch.softmax(query @ key.transpose(2, 3) * query.shape[3] ** -0.5, 3)  # [B, heads, L, L]
        heads = weights @ value  # [B, heads, L, D / heads]
        joined: Tensor = self.out((heads if self.mixed else heads.transpose(1, 2)).reshape(x.shape))
        return joined

    def split(self, x: Tensor) -> Tensor:
        """[B, L, D] to [B, heads, L, D / heads]."""
        batch, length, width = x.shape
        if self.mixed:
            return x.reshape(batch, HEADS, length, width // HEADS)
        return x.view(batch, length, HEADS, width // HEADS).transpose(1, 2)


class Layer(nn.Module):
    """Attention, then two linear layers; what each adds passes through dropout, and the sum through layer norm.

    PyTorch's own encoder layer drops attention weights and hidden units too, which the repository does not.
    """

    def __init__(self, width: int, mixed: bool) -> None:
        super().__init__()
        self.attention = Attention(width, mixed)
        self.wide, self.narrow = nn.Linear(width, HIDDEN), nn.Linear(HIDDEN, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = Halved()

    def forward(self, x: Tensor) -> Tensor:
        """[B, L, D] to [B, L, D]."""
        x = self.norm1(x + self.dropout(self.attention(x)))
        wide = F.relu(self.wide(x))
        out: Tensor = self.norm2(x + self.dropout(self.narrow(wide)))
        return out


class Transformer(nn.Module):
    """Vectors with their positions, dropout, two encoder layers; the positions side by side are the features."""

    positions: Tensor

    def __init__(self, inputs: TitleInputs, mixed: bool = False) -> None:
        super().__init__()
        width = inputs.vectors.shape[1]
        if width % HEADS:
            raise InputError(
                f"{HEADS} heads cannot share vectors of {width} numbers: name 'titles.vectors' of the data set, or "
                f"set its 'titles.dimensions', of a multiple of {HEADS}"
            )
        self.feature_dim = inputs.length * width
        self.embedding = characters(inputs)
        self.register_buffer("positions", sinusoids(inputs.length, width), persistent=False)
        self.dropout = Halved()
        self.layers = nn.Sequential(*(Layer(width, mixed) for _ in range(LAYERS)))
        # The repository copies one layer, so both start alike.
        self.layers[1].load_state_dict(self.layers[0].state_dict())

    def forward(self, titles: Tensor) -> Tensor:
        """Titles [B, L] to features [B, L·D]."""
        features: Tensor = self.layers(self.dropout(self.embedding(titles) + self.positions)).flatten(1)
        return features


def sinusoids(length: int, width: int) -> Tensor:
    """[length, width]: sin(l/10000^(2i/width)) in column 2i, its cosine in column 2i+1 (section 3.5)."""
    rates = PERIOD ** (torch.arange(width) // 2 * -2.0 / width)
    angles = torch.arange(length)[:, None] * rates
    return torch.where(torch.arange(width) % 2 == 0, angles.sin(), angles.cos())


def build(inputs: TitleInputs) -> Transformer:
    """A Transformer on trained vectors."""
    return Transformer(inputs)
