"""How images are augmented and normalised (`preprocessing` of `config/schemas/dataset.yaml`, RandAugment)."""

from dataclasses import dataclass

from longtail.settings.parsing import Settings


@dataclass(frozen=True)
class Preprocessing(Settings):
    """Augmentation of training images and normalisation of all; None leaves a step out."""

    crop_padding: int
    random_resized_crop: int | None
    resize: int | None
    center_crop: int | None
    flip: bool
    color_jitter: tuple[float, ...] | None
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class RandAugment(Settings):
    """Operations that an image goes through, and their strength of 31 bins."""

    operations: int
    magnitude: int
