"""What every loss is."""

from torch import Tensor, nn


class Loss(nn.Module):
    """A loss with one value an image: a subclass says what in `each`."""

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Losses [B] of logits [B, K] and labels [B]."""
        raise NotImplementedError

    def forward(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Losses [B], times the images' weights [B] where there are any."""
        values = self.each(logits, labels)
        return values if weights is None else weights.to(values.dtype) * values
