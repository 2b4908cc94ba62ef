"""TextCNN (Kim, EMNLP 2014) as Chinese-Text-Classification-Pytorch builds it (methods card 1.4)."""

import torch
from torch import Tensor, nn

from longtail.models._titles import Halved, TitleInputs, characters, draw_xavier

FORM = "titles"
DRAWS = True
WIDTHS, FILTERS = (2, 3, 4), 256
draw_classifier = draw_xavier


class TextCNN(nn.Module):
    """256 filters each over 2, 3 and 4 characters, ReLU, the maximum over the title, dropout."""

    feature_dim = len(WIDTHS) * FILTERS

    def __init__(self, inputs: TitleInputs) -> None:
        super().__init__()
        self.embedding = characters(inputs)
        self.filters = nn.ModuleList(nn.Conv1d(inputs.vectors.shape[1], FILTERS, width) for width in WIDTHS)
        self.dropout = Halved()

    def forward(self, titles: Tensor) -> Tensor:
        """Titles [B, L] to non-negative features [B, 768], before dropout in evaluation mode."""
        vectors = self.embedding(titles).transpose(1, 2)  # [B, D, L]
        # ReLU and the maximum may change places: fewer numbers are passed through ReLU.
        longest = [torch.max(conv(vectors), 2).values for conv in self.filters]
        features: Tensor = self.dropout(torch.relu(torch.cat(longest, 1)))
        return features


def build(inputs: TitleInputs) -> TextCNN:
    """A TextCNN on trained vectors, all other weights from xavier_normal."""
    network = TextCNN(inputs)
    draw_xavier(network)
    return network
