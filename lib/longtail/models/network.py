"""A backbone and its classifier, initialised from one seed."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call

from longtail.models import _cast
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.settings.part import Part

log = logging.getLogger(__name__)
LINEAR = Part("linear")
# The stages of a backbone: the modules that it declares as `LAST_STAGE`, and all others.
EARLIER, LAST = "earlier_stages", "last_stage"


# The inputs that a backbone is built for: the number of channels of images, or `TitleInputs`.
Inputs = Any


class Network(nn.Module):
    """z = Wᵀ g(x) + b: logits [B, K] from images [B, C, H, W], or titles [B, L]."""

    def __init__(self, backbone: nn.Module, classifier: nn.Module, last_stage: Iterable[str] = ()) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.last_stage = tuple(last_stage)
        self.frozen: frozenset[str] = frozenset()
        self.casts_together = False

    def stage_of(self, name: str) -> str:
        """EARLIER or LAST: the stage of a module or tensor of the backbone, by its name there."""
        return LAST if any(f"{name}.".startswith(f"{module}.") for module in self.last_stage) else EARLIER

    def freeze(self, stages: Iterable[str]) -> None:
        """Keep stages of the backbone as they are from now on, with the statistics of their batch norm."""
        self.frozen = frozenset(stages)
        for name, parameter in self.backbone.named_parameters():
            if self.stage_of(name) in self.frozen:
                parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Set training mode, but for what is frozen."""
        super().train(mode)
        for name, module in self.backbone.named_modules():
            if name and self.stage_of(name) in self.frozen:
                module.training = False
        return self

    def forward(self, images: Tensor) -> Tensor:
        features = self._features(images)
        # In float32: bfloat16 would round the logits to 8 bits, which would affect the calibration.
        if features.dtype == torch.bfloat16:
            features = features.float()
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.classifier(features)
        return logits

    def _features(self, images: Tensor) -> Tensor:
        kind = images.device.type
        if self.casts_together and torch.is_autocast_enabled(kind) and torch.is_grad_enabled():
            copies = _cast.weights(self.backbone, torch.get_autocast_dtype(kind))
            return functional_call(self.backbone, copies, (images,))  # type: ignore[no-any-return]
        return self.backbone(images)  # type: ignore[no-any-return]

    def maps(self, images: Tensor) -> Tensor:
        """The last maps [B, D, h, w] of images [B, C, H, W], whose means are the features [B, D].

        Raises InputError if the backbone has none.
        """
        backbone: Any = self.backbone
        if not hasattr(backbone, "maps"):
            raise InputError(
                f"class activation maps require the last map of a backbone, and {type(backbone).__name__} has none: "
                "name a backbone that averages a map in the end"
            )
        return backbone.maps(images)  # type: ignore[no-any-return]

    def activation_maps(self, images: Tensor, labels: Tensor) -> Tensor:
        """Class activation maps Σ_d w_yd·A_d [B, h, w] of images [B, C, H, W] for labels y [B] (Zhou et al. 2016).

        w_y is the classifier's row of y, and A are the last maps. Raises InputError if the backbone has none.
        """
        weight: Any = self.classifier.weight
        return torch.einsum("bdhw,bd->bhw", self.maps(images), weight[labels])


def start_from(network: Network, other: Mapping[str, Tensor]) -> None:
    """Give a network the backbone of another one's state, statistics of batch norm included; its classifier stays.

    Raises InputError where the other has another backbone.
    """
    backbone = {key.removeprefix("backbone."): value for key, value in other.items() if key.startswith("backbone.")}
    _load(network.backbone, backbone, "backbone")


def continue_from(network: Network, other: Mapping[str, Tensor]) -> None:
    """Give a network the whole state of another one, its classifier too.

    Raises InputError where the other has another backbone or classifier.
    """
    _load(network, other, "backbone or classifier")


def _load(module: nn.Module, state: Mapping[str, Tensor], part: str) -> None:
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"the network that is read has another {part} ({reason}): name one of the same") from error


def build(
    backbone: str,
    inputs: Inputs,
    classes: int,
    seed: int,
    pretrained: str | None = None,
    head: Part = LINEAR,
) -> Network:
    """The named backbone with a head's classifier (linear, where none is named).

    The seed settles every initial value that `pretrained` does not. A backbone with a `draw_classifier` draws the
    initial values of a linear classifier in place of the head.
    Raises InputError when the file of pretrained weights does not fit.
    """
    part = parts.find("models", backbone)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: Any = part.build(inputs)
        classifier: nn.Module = parts.find("heads", head.name).build(head.settings, module.feature_dim, classes)
        if isinstance(classifier, nn.Linear) and hasattr(part, "draw_classifier"):
            part.draw_classifier(classifier)
    if pretrained is not None:
        part.load_pretrained(module, pretrained)
    return Network(module, classifier, parts.literal("models", backbone, "LAST_STAGE", ()))


def fuse(built: Network, backbone: str, precision: torch.dtype) -> None:
    """Train a network with the named backbone by the backbone's fused kernels; the log says if there are none.

    Autocast's copies of its weights are then made together.
    """
    part = parts.find("models", backbone)
    if hasattr(part, "fuse"):
        built.casts_together = part.fuse(built.backbone, precision)
    else:
        log.warning("compute.fused has no effect: backbone %s has no fused kernels", backbone)
