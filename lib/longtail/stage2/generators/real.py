"""Every image gives its own feature."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.stage2.generators import Draw
from longtail.stage2.generators._gaussians import upload


def build(settings: Mapping[str, Any], features: Tensor, labels: NDArray[np.int64], counts: list[int]) -> Draw:
    """The rows of features [N, D], unchanged."""

    def draw(rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        return features[upload(rows, features.device)]

    return draw
