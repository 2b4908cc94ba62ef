"""Sampling by class activation maps (Zhang et al., AAAI 2021): new images in which the foreground has moved."""

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.data.arrays import Data
from longtail.data.forms.images import Arrays
from longtail.data.long_tail import Subset
from longtail.engine import forms, seeding
from longtail.engine.objective import INFERENCE_BATCH
from longtail.models import network
from longtail.runtime.errors import InputError
from longtail.stage1.algorithms import _pasting, continued
from longtail.stage1.algorithms._made import Pixels, with_made
from longtail.stage1.algorithms._pasting import Motions
from longtail.stage1.learner import Pool

NETWORKS = ["maps", "start"]
CONTINUES = True
IN_MEMORY = True
SETTINGS = {
    "view": {
        "enum": ["plain", "augmented"],
        "description": "what the map of an image is made of: the image as it is, or (official code) cropped and "
        "mirrored at random",
    },
    "box": {
        "enum": ["whole", "first_lines"],
        "description": "what the box of a foreground holds: all, or (official code) its first two lines",
    },
}
# Images that move at once.
CHUNK = 1000


class Learner(continued.Learner):
    """Before a continued training, every class gets n_1 + n_K − n_i new images; an epoch stays as long as it was.

    Class activation maps of the network `maps` tell the foreground of an image: where they are at least ¾ of their
    mean. A new image is an image of its class whose foreground is rotated and scaled, translated or mirrored, each as
    often as another. Source: the paper and its official code (methods card "Bag of tricks"). The new images depend on
    the order seed and on that network; its maps are computed on the CPU, whatever device trains.
    """

    def pool(self, data: Data, subset: Subset) -> Pool:
        """The subset's images, followed by the images made from them."""
        if not isinstance(data, Arrays):
            raise InputError(
                "algorithm cam_balanced makes images from pixels in memory: set streamed: false, or leave it out"
            )
        rng = self.epoch(0).generator(seeding.SYNTHESIS)
        labels = data.train_labels[subset.indices]
        bases = drawn_bases(labels, subset.counts, rng)
        motions = _pasting.draw(len(bases), rng)
        made = self._made(data, subset, bases, motions)
        self.kept = len(labels)
        return with_made(data, subset, made, labels[bases])

    def _made(self, data: Arrays, subset: Subset, bases: NDArray[np.int64], motions: Motions) -> Pixels:
        """New images [M, H, W, C] of the subset's images number `bases` [M]."""
        plain = self.own["view"] == "plain"
        seen, map_of = np.unique(bases, return_inverse=True) if plain else (bases, np.arange(len(bases)))
        maps = self._maps(data, subset, seen)
        made = np.empty((len(bases), *data.train_images.shape[1:]), np.uint8)
        for start in range(0, len(bases), CHUNK):
            rows = slice(start, start + CHUNK)
            images = torch.from_numpy(data.train_images[subset.indices[bases[rows]]]).permute(0, 3, 1, 2)
            moved = _pasting.pasted(images, maps[map_of[rows]], motions.rows(rows), self.own["box"])
            made[rows] = moved.permute(0, 2, 3, 1).byte().numpy()
        return made

    @torch.inference_mode()
    def _maps(self, data: Arrays, subset: Subset, rows: NDArray[np.int64]) -> torch.Tensor:
        """Class activation maps [M, h, w] of the subset's images number `rows` [M], each for its own class."""
        settings, cpu = self.settings, torch.device("cpu")
        form = forms.of(data, settings.preprocessing, cpu)
        built = network.build(settings.backbone, form.inputs, len(data.classes), seed=0, head=settings.head)
        network.continue_from(built, self.networks["maps"])
        built.eval().to(memory_format=torch.channels_last)
        examples = form.training(subset.indices, augment=self.own["view"] == "augmented")
        labels = torch.from_numpy(data.train_labels[subset.indices][rows])
        maps: list[torch.Tensor] = []
        for number, batch in enumerate(examples.batches(rows, INFERENCE_BATCH, self.epoch(0))):
            of_batch = labels[number * INFERENCE_BATCH :][: len(batch)]
            maps.append(built.activation_maps(form.normalise(batch), of_batch))
        return torch.cat(maps)


def lacking(counts: list[int]) -> NDArray[np.int64]:
    """New images n_1 + n_K − n_i of each class, with n_1 and n_K the sizes of the largest and the smallest.

    0 for a class without images.
    """
    sizes = np.array(counts)
    present = sizes[sizes > 0]
    return np.where(sizes > 0, present.max() + present.min() - sizes, 0)


def drawn_bases(labels: NDArray[np.int64], counts: list[int], rng: np.random.Generator) -> NDArray[np.int64]:
    """The images of labels [N] that new ones are made of [M], class by class, with replacement."""
    drawn = [
        rng.choice(np.flatnonzero(labels == label), count) for label, count in enumerate(lacking(counts)) if count
    ]
    return np.concatenate([np.empty(0, np.int64), *drawn])
