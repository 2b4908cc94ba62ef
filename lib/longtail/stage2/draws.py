"""Batches of features for a Stage 2: a sampler draws rows, and a generator makes features from them."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.engine import batches, schedule, seeding
from longtail.engine.batches import Batch
from longtail.engine.seeding import Epoch
from longtail.runtime import parts
from longtail.settings.part import Part
from longtail.settings.stage2 import Projection, Stage2
from longtail.stage2.generators import Draw

# Batches whose features are drawn together.
CHUNK = 32


def generator(part: Part, features: Tensor, labels: NDArray[np.int64], counts: list[int]) -> Draw:
    """The generator of a Stage 2 for features [N, D] with labels [N]; raises InputError if it cannot use them."""
    built: Draw = parts.find("stage2.generators", part.name).build(part.settings, features, labels, counts)
    return built


def order(settings: Stage2 | Projection, labels: NDArray[np.int64], epoch: Epoch) -> NDArray[np.int64]:
    """Rows of labels [N] as the sampler of a Stage 2 draws them in an epoch."""
    return batches.drawn_order(settings.sampler, labels, schedule.draws(settings.recipe, len(labels)), epoch)


def of_epoch(
    draw: Draw, labels: NDArray[np.int64], settings: Stage2 | Projection, epoch: Epoch, device: torch.device
) -> Iterator[Batch]:
    """The batches of an epoch from its first batch on: features that the generator makes from the sampler's rows."""
    rows_drawn, size = order(settings, labels, epoch), settings.recipe.batch_size
    targets = torch.from_numpy(labels[rows_drawn]).to(device)
    rng = epoch.generator(seeding.FEATURES)
    seeds = rng.integers(2**63, size=math.ceil(len(rows_drawn) / (size * CHUNK))).tolist()
    noise = torch.Generator(device)
    for chunk in range(epoch.first_batch // CHUNK, len(seeds)):
        rows = slice(chunk * CHUNK * size, (chunk + 1) * CHUNK * size)
        drawn = draw(rows_drawn[rows], noise.manual_seed(seeds[chunk]))
        pairs = zip(torch.split(drawn, size), torch.split(targets[rows], size), strict=True)
        for number, (inputs, input_labels) in enumerate(pairs, start=chunk * CHUNK):
            if number >= epoch.first_batch:
                yield Batch(inputs, input_labels)
