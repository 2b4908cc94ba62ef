"""Pictures and titles, made into what a network was trained on: uint8 pixels [B, H, W, C], or numbers [B, L]."""

import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from longtail.data import decode, vocabulary
from longtail.deploy.card import Inputs
from longtail.engine.forms import files
from longtail.engine.forms._normaliser import Normaliser
from longtail.models._titles import TitleInputs
from longtail.models.network import Inputs as NetworkInputs
from longtail.runtime.errors import InputError
from longtail.settings.preprocessing import Preprocessing

# A picture: its file, an opened image, or pixels [H, W, C] or [H, W] in 0..255.
Picture = str | os.PathLike[str] | Image.Image | np.ndarray[Any, Any] | Tensor
CHANNELS = {1: "L", 3: "RGB"}


class Kind(Protocol):
    """What a model takes."""

    network_inputs: NetworkInputs

    def is_single(self, examples: Any) -> bool:
        """Whether this is one example, not several."""

    def example(self, given: Any) -> Tensor:
        """One example, ready for a batch."""

    def is_batch(self, examples: Any) -> bool:
        """Whether this is a batch that is ready for the network."""


class Pictures:
    """Images of any size and mode, as the data set's own images were made: see `Inputs`."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.network_inputs = inputs.channels
        self.preprocessing = Preprocessing(
            crop_padding=0,
            random_resized_crop=None,
            resize=inputs.resize,
            center_crop=inputs.center_crop,
            flip=False,
            color_jitter=None,
            mean=inputs.mean,
            std=inputs.std,
        )
        # Not needed for images in memory, and torchvision takes a second to import.
        self.transform = files.transform(self.preprocessing, augment=False) if inputs.fit is None else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of what the network takes."""
        width, height = self.inputs.fit or (self.inputs.center_crop, self.inputs.center_crop)
        return (height or 0, width or 0, self.inputs.channels)

    def normaliser(self) -> Normaliser:
        """The normalisation that the network was trained with."""
        return Normaliser(self.preprocessing, torch.device("cpu"))

    def is_single(self, examples: Any) -> bool:
        """Whether this is one picture: anything but a list and an array with four dimensions."""
        if isinstance(examples, np.ndarray | Tensor):
            return examples.ndim < 4
        return isinstance(examples, str | os.PathLike | Image.Image)

    def is_batch(self, examples: Any) -> bool:
        """Whether this is a uint8 tensor [B, H, W, C] of the network's size."""
        is_pixels = isinstance(examples, Tensor) and examples.dtype == torch.uint8
        return is_pixels and examples.ndim == 4 and tuple(examples.shape[1:]) == self.shape

    def example(self, given: Picture) -> Tensor:
        """Pixels uint8 [H, W, C] of a picture; raises InputError if it cannot be read."""
        if self.inputs.channels not in CHANNELS:
            raise InputError(
                f"this model takes images with {self.inputs.channels} channels, which no picture has: give a uint8 "
                f"tensor [B, {', '.join(map(str, self.shape))}]"
            )
        image = _opened(given).convert(CHANNELS[self.inputs.channels])
        if self.transform is not None:
            image = self.transform(image)
        elif image.size != (self.shape[1], self.shape[0]):
            # As the source `folder` makes its images.
            image = ImageOps.fit(image, (self.shape[1], self.shape[0]), Image.Resampling.BILINEAR)
        pixels = np.array(image)
        return torch.from_numpy(pixels.reshape(*pixels.shape[:2], self.inputs.channels))


class Titles:
    """Texts, as numbers of their characters."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.vocabulary = {character: number for number, character in enumerate(inputs.characters)}
        vectors = torch.zeros(len(inputs.characters), inputs.dimensions)
        self.network_inputs = TitleInputs(vectors, inputs.length)

    def is_single(self, examples: Any) -> bool:
        """Whether this is one title."""
        return isinstance(examples, str)

    def is_batch(self, examples: Any) -> bool:
        """Whether this is an integer tensor [B, L]."""
        return isinstance(examples, Tensor) and not examples.is_floating_point() and examples.ndim == 2

    def example(self, given: str) -> Tensor:
        """Numbers int32 [L] of a title; raises InputError for anything but a text."""
        if not isinstance(given, str):
            raise InputError(f"this model takes titles, and got {type(given).__name__}: give a text")
        return torch.from_numpy(vocabulary.numbers([given.strip()], self.vocabulary, self.inputs.length)[0])


def kind(inputs: Inputs) -> Pictures | Titles:
    """What a model with these inputs takes."""
    return Titles(inputs) if inputs.form == "titles" else Pictures(inputs)


def _opened(given: Picture) -> Image.Image:
    """A picture in RGB, upright."""
    if isinstance(given, str | os.PathLike):
        return decode.rgb(Path(given))
    if isinstance(given, Image.Image):
        return decode.upright(given.copy(), "the picture")
    pixels = given.cpu().numpy() if isinstance(given, Tensor) else given
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise InputError(
            "a picture is a file, a PIL image, or an array of uint8 pixels with height, width and channels (or "
            f"without channels, if it is grey), and this is {_described(pixels)}: convert it"
        )
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim == 3 and pixels.shape[2] not in (3, 4):
        raise InputError(f"a picture has 1, 3 or 4 channels, which come last, and this is {_described(pixels)}")
    return Image.fromarray(pixels).convert("RGB")


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {list(value.shape)}"
    return f"a {type(value).__name__}"
