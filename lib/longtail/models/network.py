"""A backbone and its classifier, initialised from one seed."""

from typing import Any

import torch
from torch import Tensor, nn

from longtail.runtime import parts


class Network(nn.Module):
    """z = Wᵀ g(x) + b: logits [B, K] from images [B, C, H, W]."""

    def __init__(self, backbone: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        features = self.backbone(images)
        # Half precision would round the logits to 8 bits, which calibration would see.
        if features.dtype == torch.bfloat16:
            features = features.float()
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.classifier(features)
        return logits


def linear(features: int, classes: int) -> nn.Linear:
    """A linear classifier with kaiming_normal weights and PyTorch's default bias (methods card 1.4)."""
    classifier = nn.Linear(features, classes)
    nn.init.kaiming_normal_(classifier.weight)
    return classifier


def build(backbone: str, channels: int, classes: int, seed: int, pretrained: str | None = None) -> Network:
    """The named backbone with a linear classifier; the seed settles every initial value that `pretrained` does not.

    Raises InputError when the file of pretrained weights does not fit.
    """
    part = parts.find("models", backbone)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: Any = part.build(channels)
        network = Network(module, linear(module.feature_dim, classes))
    if pretrained is not None:
        part.load_pretrained(module, pretrained)
    return network
