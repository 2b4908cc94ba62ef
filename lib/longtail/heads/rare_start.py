"""Linear classifier that starts with improbable classes, for sigmoid losses (class-balanced loss, official code)."""

import math
from collections.abc import Mapping
from typing import Any

from torch import nn

LINEAR = True


class RareStart(nn.Linear):
    """z = Wx + b, without weight decay on b."""

    undecayed = ("bias",)


def build(settings: Mapping[str, Any], features: int, classes: int) -> RareStart:
    """z = Wx + b with the initial b = −log(K − 1), so that σ(b) = 1/K, and without weight decay on b.

    Otherwise the loss of the many wrong classes would dominate at first (methods card "Focal").
    """
    classifier = RareStart(features, classes)
    nn.init.kaiming_normal_(classifier.weight)
    nn.init.constant_(classifier.bias, -math.log(max(classes - 1, 1)))
    return classifier
