"""M2m (Kim et al., CVPR 2020): images of frequent classes are translated into rare ones by a finished network."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import seeding
from longtail.engine.batches import Batch, Mixed
from longtail.engine.forms import Form
from longtail.engine.progress import State
from longtail.engine.seeding import Epoch
from longtail.models import network
from longtail.models.network import Inputs, Network
from longtail.stage1.learner import Stage1Learner

GUIDE = "guide"
NETWORKS = ["guide"]
WHOLE_BATCHES = True
WITHOUT = ["mixing"]
DEFERS = True
# Measured where networks train in bfloat16 (benchmarks.methods); it is 3.2 in float32, in which images are always
# translated.
WORK = 4.7
SETTINGS = {
    "beta": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "β: an image of a class with d images more is drawn in proportion to 1 − β^d, and its "
        "translation accepted with this probability",
    },
    "lambda": {
        "type": "number",
        "minimum": 0,
        "description": "λ: weight of the learner's own logit of the old class",
    },
    "gamma": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "γ: the least probability of the new class, by the guide, of a translated image that is kept",
    },
    "steps": {"type": "integer", "minimum": 1, "description": "T: steps of a translation"},
    "step_size": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "η: length of a step, in pixel values from 0 to 1",
    },
    "radius": {
        "type": "number",
        "minimum": 0,
        "description": "largest length of the noise that translations start from",
    },
    "noise": {
        "enum": ["batch_channel", "image"],
        "description": "what the noise has this length of: a channel of all translated images together, as in the "
        "official code, or an image",
    },
}
# The dimension of images [S, H, W, C] along which noise is limited.
LIMITED = {"batch_channel": 3, "image": 0}
# Added to the length of a gradient, which may be 0.
TINY = 1e-10
Logits = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Seeded(Batch):
    """A batch whose images are translated; all that is drawn for it comes from its seed."""

    seed: int = 0


class Learner(Stage1Learner):
    """The method's loss; after the recipe's `defer` epochs on batches of which some images are translated.

    An image of a class with n of n_max images is, with probability 1 − n/n_max, a place for an image of its class
    that is translated from an image of a more frequent class in its batch. A place whose translation is not accepted
    keeps its own image. The network `guide` is finished and does not learn. Translation is in float32, with both
    networks in evaluation mode. Source: the paper and its official code (methods card "M2m").
    """

    guide: Network

    def __init__(self, data: Data, subset: Subset, *arguments: Any) -> None:
        super().__init__(data, subset, *arguments)
        # The two phases have different steps for batches of equal shapes, which a captured step would mix.
        self.backend = dataclasses.replace(self.backend, capture=False)
        self.counts = torch.tensor(subset.counts, dtype=torch.float64, device=self.backend.device)
        self.guide = self.guide.to(self.backend.device).to(memory_format=torch.channels_last)

    def build_network(self, form: Form, outputs: int) -> Network:
        """The network that training starts from; the guide is built beside it."""
        self.guide = finished(self.settings.backbone, form.inputs, outputs, self.networks[GUIDE])
        return super().build_network(form, outputs)

    def batches(self, epoch: Epoch) -> Iterator[Batch]:
        """Batches of images; those of the second phase have a seed each."""
        drawn = super().batches(epoch)
        if not self.is_deferred(epoch):
            return drawn
        rng = epoch.generator(seeding.SYNTHESIS)
        rng.integers(2**63, size=epoch.first_batch)
        return (Seeded(**vars(batch), seed=int(rng.integers(2**63))) for batch in drawn)

    def prepare(self, batch: Batch) -> Mixed:
        """Normalised images; of a seeded batch some are translated, each to the class of the image it replaces."""
        mixed = super().prepare(batch)
        if isinstance(batch, Seeded):
            with torch.autocast(self.backend.device.type, enabled=False):
                places, images = self.translations(batch)
                mixed.inputs[places] = self._normalised(images)
        return mixed

    def translations(self, batch: Seeded) -> tuple[Tensor, Tensor]:
        """The places [A] of a batch that get a translated image, and these images [A, H, W, C] in [0, 1]."""
        rng, device, own = np.random.default_rng(batch.seed), self.backend.device, self.own
        chance, choice, luck = torch.from_numpy(rng.random((3, len(batch.labels)))).to(device)
        counts = self.counts[batch.labels]
        probable = probabilities(counts, counts, own["beta"])  # [B, B]
        places = torch.nonzero((chance >= counts / self.counts.max()) & (probable > 0).any(1))[:, 0]
        if not len(places):
            return places, torch.empty(0, *batch.inputs.shape[1:], device=device)
        probable, targets = probable[places], batch.labels[places]
        seeds = chosen(probable, choice[places])
        images = batch.inputs[seeds].float() / 255
        drawn = torch.from_numpy(rng.random(images.shape, dtype=np.float32)).to(device)
        images = (images + noise(drawn, own["radius"], own["noise"])).clamp(0, 1)
        self.module.eval()
        images = translated(
            images, batch.labels[seeds], targets, self._logits(self.guide), self._logits(self.module), own
        )
        self.module.train()
        with torch.no_grad():
            sure = F.softmax(self._logits(self.guide)(images), 1).gather(1, targets[:, None])[:, 0]
        accepted = (sure >= own["gamma"]) & (luck[places] < probable.gather(1, seeds[:, None])[:, 0])
        return places[accepted], images[accepted]

    def _logits(self, module: torch.nn.Module) -> Logits:
        return lambda images: module(self._normalised(images))

    def _normalised(self, images: Tensor) -> Tensor:
        normalised: Tensor = self.normalise(255 * images)
        return normalised


def finished(backbone: str, inputs: Inputs, classes: int, state: State) -> Network:
    """A network with a linear classifier and the weights of a finished Stage 1, which no longer learns.

    Raises InputError if the state is that of another backbone or head.
    """
    built = network.build(backbone, inputs, classes, seed=0)
    network.continue_from(built, state)
    return built.requires_grad_(False).eval()


def probabilities(targets: Tensor, seeds: Tensor, beta: float) -> Tensor:
    """1 − β^max(n_seed − n_target, 0) [S, B] for class sizes of targets [S] and seeds [B] (`train.py`)."""
    return 1 - beta ** (seeds - targets[:, None]).clamp(min=0)


def chosen(probable: Tensor, uniform: Tensor) -> Tensor:
    """A column [S] for each row of `probable` [S, B], drawn in proportion to it.

    `uniform` [S] are numbers from 0 to 1, without 1. No row may consist of zeros.
    """
    sums = probable.cumsum(1)
    return torch.searchsorted(sums, (uniform * sums[:, -1])[:, None], right=True)[:, 0]


def noise(uniform: Tensor, radius: float, kind: str) -> Tensor:
    """Noise [S, H, W, C] from numbers between 0 and 1, centred and cut to a length of at most `radius`."""
    return torch.renorm(uniform - 0.5, 2, LIMITED[kind], radius)


def translated(
    images: Tensor, sources: Tensor, targets: Tensor, guide: Logits, learner: Logits, own: Mapping[str, Any]
) -> Tensor:
    """Images [S, …] in [0, 1] of classes `sources` [S], moved by gradients until the guide sees `targets` [S].

    Each of `steps` steps has the length `step_size` and goes down the gradient of CE(guide(x), target) +
    λ·learner(x)_source (`train.py`); `own` has the settings of the algorithm.
    """
    for _ in range(own["steps"]):
        images = images.detach().requires_grad_()
        old = learner(images).gather(1, sources[:, None])
        loss = F.cross_entropy(guide(images), targets) + own["lambda"] * old.mean()
        (slope,) = torch.autograd.grad(loss, images)
        length = slope.flatten(1).norm(dim=1).view(-1, *[1] * (images.ndim - 1))
        images = (images.detach() - own["step_size"] * slope / (length + TINY)).clamp(0, 1)
    return images
