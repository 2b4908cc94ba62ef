"""Linear classifier that starts as those of LDAM-DRW and MiSLAS on CIFAR (methods card 1.4)."""

from collections.abc import Mapping
from typing import Any

from torch import nn

LINEAR = True


def build(settings: Mapping[str, Any], features: int, classes: int) -> nn.Linear:
    """z = Wx + b with kaiming_normal weights and PyTorch's default bias."""
    classifier = nn.Linear(features, classes)
    nn.init.kaiming_normal_(classifier.weight)
    return classifier
