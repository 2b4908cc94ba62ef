"""Linear classifier that begins with every class as rare, for sigmoid losses (class-balanced loss, official code)."""

import math
from typing import Any

from torch import nn

from longtail.heads import linear

LINEAR = True


def build(settings: dict[str, Any], features: int, classes: int) -> nn.Linear:
    """z = Wx + b with b = −log(K − 1), so that σ(b) = 1/K, and without weight decay on b.

    Else the many classes that an image is not of would outweigh its own at the start (methods card "Focal").
    """
    classifier = linear.build(settings, features, classes)
    nn.init.constant_(classifier.bias, -math.log(max(classes - 1, 1)))
    classifier.undecayed = ("bias",)
    return classifier
