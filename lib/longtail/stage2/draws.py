"""Batches of features for a Stage 2: rows in the sampler's order, and what the generator makes of them."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail.engine import batches, seeding
from longtail.engine.batches import Batch
from longtail.runtime import parts
from longtail.stage2.generators import Draw

# Batches whose features are drawn together.
CHUNK = 32


def generator(settings: dict[str, Any], features: Tensor, labels: NDArray[np.int64], counts: list[int]) -> Draw:
    """The generator of a Stage 2 on features [N, D] with labels [N]; InputError where it cannot draw from them."""
    block = settings["generator"]
    built: Draw = parts.find("stage2.generators", block["name"]).build(block, features, labels, counts)
    return built


def epoch(
    draw: Draw,
    labels: NDArray[np.int64],
    settings: dict[str, Any],
    epoch: int,
    device: torch.device,
    first: int = 0,
) -> Iterator[Batch]:
    """The batches of an epoch counted from 1, settled by the order seed, from batch number `first` on.

    What is drawn for a batch does not depend on `first`.
    """
    size = settings["recipe"]["batch_size"]
    order = batches.drawn_order(settings, labels, epoch, stage=2)
    targets = torch.from_numpy(labels[order]).to(device)
    rng = seeding.generator(settings["seeds"]["order"], epoch, seeding.FEATURES, stage=2)
    seeds = rng.integers(2**63, size=math.ceil(len(order) / (size * CHUNK))).tolist()
    noise = torch.Generator(device)
    for chunk in range(first // CHUNK, len(seeds)):
        rows = slice(chunk * CHUNK * size, (chunk + 1) * CHUNK * size)
        drawn = draw(order[rows], noise.manual_seed(seeds[chunk]))
        pairs = zip(torch.split(drawn, size), torch.split(targets[rows], size), strict=True)
        for number, (inputs, of_inputs) in enumerate(pairs, start=chunk * CHUNK):
            if number >= first:
                yield Batch(inputs, of_inputs)
