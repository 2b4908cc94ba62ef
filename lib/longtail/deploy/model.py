"""A trained model: a PyTorch module that takes pictures or titles as they are."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from longtail.deploy import compose, examples, model_file
from longtail.deploy.card import Card
from longtail.runtime.errors import InputError


class Prediction(NamedTuple):
    """The most probable class of an example, its probability, and the best classes with theirs, best first."""

    name: str
    probability: float
    top: list[tuple[str, float]]


class Pixels(nn.Module):
    """uint8 images [B, H, W, C] to what the network takes, float32 [B, C, H, W]: (p − 255·mean) / (255·std)."""

    mean: Tensor
    scale: Tensor

    def __init__(self, pictures: examples.Pictures) -> None:
        super().__init__()
        normaliser = pictures.normaliser()
        self.register_buffer("mean", normaliser.mean, persistent=False)
        self.register_buffer("scale", normaliser.scale, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalised images."""
        return ((pixels.float() - self.mean) * self.scale).permute(0, 3, 1, 2)


class Model(nn.Module):
    """Logits of pictures or titles by a run's network, in float32, which is how all logits of runs are computed.

    `classes` are the names of the classes in the order of the logits, and `card` says everything else. A loaded model
    is in evaluation mode and on the CPU; `to("cuda")` moves it, and what it is given follows.
    """

    def __init__(self, card: Card, state: dict[str, Tensor]) -> None:
        super().__init__()
        self.card = card
        self.kind = examples.kind(card.inputs)
        self.normalise: nn.Module = nn.Identity()
        if isinstance(self.kind, examples.Pictures):
            self.normalise = Pixels(self.kind)
        self.network = compose.build(card.backbone, card.head, self.kind.network_inputs, len(card.classes))
        self.network.load_state_dict(state)
        self.to(memory_format=torch.channels_last)
        self.eval()

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in the order of the logits."""
        return list(self.card.classes)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return next(self.network.parameters()).device

    def forward(self, given: Any) -> Tensor:
        """Logits float32 [B, K] of one or several examples, or of a batch that `prepare` has made."""
        batch = given if self.kind.is_batch(given) else self.prepare(given)
        logits: Tensor = self.network(self.normalise(batch.to(self.device)))
        return logits

    def prepare(self, given: Any) -> Tensor:
        """A batch for `forward`: uint8 pixels [B, H, W, C] of pictures, or numbers [B, L] of titles.

        A picture is a file, a PIL image, or uint8 pixels [H, W, C]; a title is a text. Several are a list of them, or
        an array with one dimension more. Raises InputError for what cannot be read.
        """
        several = [given] if self.kind.is_single(given) else list(given)
        if not several:
            raise InputError("nothing to predict: give one example at least")
        return torch.stack([self.kind.example(each) for each in several])

    def probabilities(self, logits: Tensor) -> Tensor:
        """Probabilities float64 [B, K]: softmax(logits / temperature), the plain softmax if none was fitted."""
        return torch.softmax(logits.double() / self.card.calibration.temperature, dim=1)

    @torch.inference_mode()
    def predict(self, given: Any, top: int = 5) -> Any:
        """The `Prediction` of an example, or a list of them for several, with the `top` classes of each."""
        predictions = self.ranked(self(given), top)
        return predictions[0] if self.kind.is_single(given) else predictions

    def ranked(self, logits: Tensor, top: int) -> list[Prediction]:
        """The predictions behind logits [B, K], with the `top` classes of each; the first of equal logits wins."""
        order = logits.argsort(dim=1, descending=True, stable=True)[:, :top]
        values = self.probabilities(logits).gather(1, order)
        rows = zip(order.tolist(), values.tolist(), strict=True)
        ranked = [[(self.card.classes[k], value) for k, value in zip(*row, strict=True)] for row in rows]
        return [Prediction(*row[0], row) for row in ranked]


def load(path: Path | str) -> Model:
    """The model in a file of `longtail export`, on the CPU; `import longtail; longtail.load(path)` is the same.

    Raises InputError if the file is missing, damaged or no model.
    """
    card, state = model_file.load(path)
    try:
        return Model(card, state)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(
            f"{path} does not fit the networks of this version of longtail ({reason}): export it again"
        ) from error
