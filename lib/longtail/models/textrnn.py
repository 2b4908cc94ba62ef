"""TextRNN (Liu et al., IJCAI 2016) as Chinese-Text-Classification-Pytorch builds it (methods card 1.4)."""

import torch
from torch import Tensor, nn

from longtail.models._titles import Halved, TitleInputs, characters, draw_xavier

FORM = "titles"
DRAWS = True
HIDDEN = 128
draw_classifier = draw_xavier


class TextRNN(nn.Module):
    """A bidirectional LSTM of two layers with dropout between them; its output at the last position, padding or not.

    There its backward direction has seen that position alone, so the second layer's is taken one step and no further.
    """

    feature_dim = 2 * HIDDEN

    def __init__(self, inputs: TitleInputs) -> None:
        super().__init__()
        self.embedding = characters(inputs)
        self.first = nn.LSTM(inputs.vectors.shape[1], HIDDEN, batch_first=True, bidirectional=True)
        self.dropout = Halved()
        self.forwards = nn.LSTM(2 * HIDDEN, HIDDEN, batch_first=True)
        self.backwards = nn.LSTM(2 * HIDDEN, HIDDEN, batch_first=True)

    def forward(self, titles: Tensor) -> Tensor:
        """Titles [B, L] to features [B, 256]."""
        below, _ = self.first(self.embedding(titles))
        dropped = self.dropout(below)
        forwards, _ = self.forwards(dropped)
        backwards, _ = self.backwards(dropped[:, -1:])
        return torch.cat([forwards[:, -1], backwards[:, -1]], 1)


def build(inputs: TitleInputs) -> TextRNN:
    """A TextRNN on trained vectors, all other weights from xavier_normal."""
    network = TextRNN(inputs)
    draw_xavier(network)
    return network
