"""TextRNN (Liu et al., IJCAI 2016) as Chinese-Text-Classification-Pytorch builds it (methods card "TextRNN")."""

from torch import Tensor, nn

from longtail.models._titles import DROPOUT, characters, draw_xavier
from longtail.models.network import TitleInputs

FORM = "titles"
WHOLE_BATCHES = True
HIDDEN, LAYERS = 128, 2
draw_classifier = draw_xavier


class TextRNN(nn.Module):
    """A bidirectional LSTM of two layers with dropout between them; what it says of the last position, padding or not.

    There its backward direction has seen that position alone.
    """

    feature_dim = 2 * HIDDEN

    def __init__(self, inputs: TitleInputs) -> None:
        super().__init__()
        self.embedding = characters(inputs)
        self.lstm = nn.LSTM(
            inputs.vectors.shape[1], HIDDEN, LAYERS, batch_first=True, bidirectional=True, dropout=DROPOUT
        )

    def forward(self, titles: Tensor) -> Tensor:
        """Titles [B, L] to features [B, 256]."""
        states, _ = self.lstm(self.embedding(titles))
        last: Tensor = states[:, -1]
        return last


def build(inputs: TitleInputs) -> TextRNN:
    """A TextRNN on trained vectors, all other weights from xavier_normal."""
    network = TextRNN(inputs)
    draw_xavier(network)
    return network
