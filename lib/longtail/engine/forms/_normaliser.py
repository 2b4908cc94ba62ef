"""Normalisation of images, whether they are in memory or in files."""

import torch
from torch import Tensor

from longtail.settings.preprocessing import Preprocessing


class Normaliser:
    """uint8 images [B, H, W, C] to float32 [B, C, H, W] in channels_last layout: (p/255 − mean) / std."""

    def __init__(self, preprocessing: Preprocessing, device: torch.device) -> None:
        self.mean = torch.tensor(preprocessing.mean, device=device) * 255
        self.scale = 1 / (torch.tensor(preprocessing.std, device=device) * 255)

    def __call__(self, pixels: Tensor) -> Tensor:
        return ((pixels.float() - self.mean) * self.scale).permute(0, 3, 1, 2)
