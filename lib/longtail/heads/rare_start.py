"""Linear classifier that begins with every class as rare, for sigmoid losses (class-balanced loss, official code)."""

import math
from collections.abc import Mapping
from typing import Any

from torch import nn

LINEAR = True


class RareStart(nn.Linear):
    """z = Wx + b, with b spared by weight decay."""

    undecayed = ("bias",)


def build(settings: Mapping[str, Any], features: int, classes: int) -> RareStart:
    """z = Wx + b with b = −log(K − 1) at the start, so that σ(b) = 1/K, and without weight decay on b.

    Else the many classes that an image is not of would outweigh its own at the start (methods card "Focal").
    """
    classifier = RareStart(features, classes)
    nn.init.kaiming_normal_(classifier.weight)
    nn.init.constant_(classifier.bias, -math.log(max(classes - 1, 1)))
    return classifier
