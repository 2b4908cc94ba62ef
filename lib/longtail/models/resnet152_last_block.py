"""ResNet-152 of which only the last block is trained, as in MiSLAS on Places-LT (methods card 1.4)."""

from collections import OrderedDict
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from longtail.models import resnet152
from longtail.runtime.errors import InputError

ONE_PIXEL = 32
SETTINGS = {
    "pretrained": {
        "type": ["string", "null"],
        "default": None,
        "path": "file",
        "description": "file with the weights of a trained ResNet-152, torchvision's state dict",
    },
}
STEM = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3")


class LastBlock(nn.Module):
    """Images [B, C, H, W] to non-negative features [B, 2048].

    All of a ResNet but its last Bottleneck is `frozen`: without gradients, and in evaluation mode always. The new
    last `block` keeps PyTorch's default initialisation, as in the official code.
    """

    feature_dim = 2048

    def __init__(self, resnet: Any) -> None:
        super().__init__()
        stages = OrderedDict((name, getattr(resnet, name)) for name in STEM)
        self.frozen = nn.Sequential(OrderedDict(stages, layer4=resnet.layer4[:-1])).requires_grad_(False).eval()
        self.block = Bottleneck(self.feature_dim, self.feature_dim // Bottleneck.expansion)

    def train(self, mode: bool = True) -> Self:
        """Set training mode for the last block only."""
        super().train(mode)
        self.frozen.eval()
        return self

    def maps(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] to non-negative maps [B, 2048, H/32, W/32]."""
        with torch.no_grad():
            frozen = self.frozen(images)
        maps: Tensor = self.block(frozen)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        return torch.mean(self.maps(images), dim=(2, 3))


def build(channels: int) -> LastBlock:
    """With random weights; `load_pretrained` loads those of the frozen part."""
    return LastBlock(resnet152.build(channels))


def load_pretrained(module: nn.Module, path: Path | str) -> None:
    """Fill the frozen part from the state dict of a whole ResNet-152, with torchvision's names.

    Raises InputError for a file that is missing, damaged or of another network.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that are no checkpoint make the unpickler stumble in any way
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"cannot read the weights {path} ({reason}): correct 'pretrained' or replace it") from error
    frozen = module.get_submodule("frozen")
    # Weights saved before PyTorch 1.0 do not count batches, and nothing here reads the count.
    wanted = {name: value for name, value in frozen.state_dict().items() if not name.endswith("num_batches_tracked")}
    for name, value in wanted.items():
        if not isinstance(state, dict) or name not in state or state[name].shape != value.shape:
            raise InputError(
                f"the weights {path} do not fit: '{name}' must be there with shape {list(value.shape)}; "
                "'pretrained' takes torchvision's state dict of a ResNet-152"
            )
    frozen.load_state_dict({name: state[name] for name in wanted})
