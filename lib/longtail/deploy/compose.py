"""The one network that a run consists of, whatever its method did after Stage 1.

A one-stage method is its network. Stage 2 replaces the classifier, or with shifted batch norm the whole network. A
post-hoc method changes the classifier of Stage 1. Every classifier after Stage 1 is a `stage2.classifier`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from longtail.data import long_tail
from longtail.deploy.run import Run
from longtail.engine import checkpoint
from longtail.models import network
from longtail.models.network import Inputs, Network
from longtail.runtime import files, parts
from longtail.runtime.errors import InputError
from longtail.settings.part import Part
from longtail.stage2.classifier import ScaledClassifier
from longtail.stage2.post_hoc import Stage1Classifier

# The head of a network whose classifier is that of Stage 2, beside the parts in `heads/`.
STAGE2 = Part("stage2")


@dataclass(frozen=True)
class Composed:
    """The state of a run's network, with the `backbone` and `head` that it is of.

    `has_stage1_features` says that its backbone is that of Stage 1's last epoch, which made the run's features.npz.
    """

    backbone: str
    head: Part
    state: dict[str, Tensor]
    has_stage1_features: bool


def of(run: Run) -> Composed:
    """The network of a run; raises InputError if one of its files is damaged."""
    settings = files.read_json(run.network / "provenance.json", "settings")["settings"]
    backbone = str(settings["backbone"])
    if run.kind == "stage1":
        state = checkpoint.load(run.network / f"{run.selection}.pt")
        return Composed(backbone, Part.parse(settings["head"]), state, run.selection == "last")
    if run.kind == "stage2":
        return _retrained(run, backbone)
    return _adjusted(run, backbone)


def build(backbone: str, head: Part, inputs: Inputs, classes: int) -> Network:
    """A network of this backbone and head, with initial values."""
    if head != STAGE2:
        return network.build(backbone, inputs, classes, seed=0, head=head)
    plain = network.build(backbone, inputs, classes, seed=0)
    weight, bias = plain.classifier.parameters()
    return Network(plain.backbone, ScaledClassifier(weight.detach(), bias.detach()))


def _retrained(run: Run, backbone: str) -> Composed:
    state = checkpoint.load(run.folder / f"{run.selection}.pt")
    if any(key.startswith("backbone.") for key in state):  # of shifted batch norm, which is the whole network
        return Composed(backbone, STAGE2, state, False)
    stage1 = checkpoint.load(run.network / "last.pt")
    return Composed(backbone, STAGE2, _replaced(stage1, state), True)


def _adjusted(run: Run, backbone: str) -> Composed:
    choice = files.read_json(run.folder / "choice.json", run.selection)
    if "post_hoc" not in choice:
        raise InputError(
            f"{run.folder / 'choice.json'} does not say which method made it, since an older version wrote it: "
            "delete it and run snakemake again"
        )
    method = Part.parse(choice["post_hoc"])
    part = parts.find("stage2.post_hoc", method.name)
    is_best = run.selection == "best" and parts.literal("stage2.post_hoc", method.name, "BEST_EPOCH", False)
    stage1 = checkpoint.load(run.network / ("best.pt" if is_best else "last.pt"))
    classifier = Stage1Classifier(
        stage1["classifier.weight"].numpy(),
        stage1["classifier.bias"].numpy(),
        np.array(long_tail.load(run.subset).counts),
    )
    affine = part.classifier(method.settings, choice[run.selection], classifier)
    state = {name: torch.from_numpy(value) for name, value in vars(affine).items()}
    return Composed(backbone, STAGE2, _replaced(stage1, state), not is_best)


def _replaced(network: dict[str, Tensor], classifier: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a network with another classifier."""
    kept = {key: value for key, value in network.items() if key.startswith("backbone.")}
    return kept | {f"classifier.{key}": value for key, value in classifier.items()}
