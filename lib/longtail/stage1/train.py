"""Trains a backbone with its classifier on a long-tailed subset."""

from collections.abc import Mapping
from typing import Any

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import device, distributed, loop
from longtail.engine.distributed import ALONE, World
from longtail.engine.progress import State
from longtail.engine.resume import Resume
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.settings.stage1 import Stage1
from longtail.stage1.learner import NONE, Stage1Learner
from longtail.stage1.weights import Weights


def learner(
    data: Data,
    subset: Subset,
    settings: Stage1,
    workers: int = 0,
    world: World = ALONE,
    networks: Mapping[str, State] = NONE,
    weights: Weights | None = None,
) -> Stage1Learner:
    """The learner of the algorithm that `settings` name; raises InputError if it cannot use the data."""
    if settings.networks.keys() != networks.keys():
        roles = [", ".join(sorted(each)) or "none" for each in (settings.networks, networks)]
        raise InputError(
            f"a Stage 1 that reads the networks {roles[0]} got {roles[1]}: give it a state for each role"
        )
    if (settings.weights is None) != (weights is None):
        raise InputError("a Stage 1 must get the weights that its settings name, and no others")
    kind = parts.find("stage1.algorithms", settings.algorithm.name).Learner
    built: Stage1Learner = kind(data, subset, settings, workers, world, networks, weights)
    return built


def train(
    data: Data,
    subset: Subset,
    settings: Stage1,
    resume: Resume,
    workers: int = 0,
    networks: Mapping[str, State] = NONE,
    weights: Weights | None = None,
) -> loop.Fitted:
    """Run Stage 1 as `settings` say.

    `workers` processes decode images that are kept in files; `networks` are the states of the networks that the
    algorithm reads, by role; `weights` are those that the backbone starts from. The returned states are those of a
    `models.network.Network`.
    Raises InputError if the loss is not finite or the device is missing, signals.Stopped if asked to stop.
    """
    size = settings.compute.processes
    arguments = (data, subset, settings, workers // size, dict(networks), weights)
    on_gpu = device.prepare(settings.compute).device.type == "cuda"
    with distributed.world(size, on_gpu, _follow, *arguments) as world:
        return loop.fit(_learner(world, *arguments), settings.recipe, resume)


def _learner(
    world: World,
    data: Data,
    subset: Subset,
    settings: Stage1,
    workers: int,
    networks: dict[str, State],
    weights: Weights | None,
) -> Stage1Learner:
    return learner(data, subset, settings, workers, world, networks, weights)


def _follow(world: World, data: Data, subset: Subset, settings: Stage1, *rest: Any) -> None:
    loop.follow(_learner(world, data, subset, settings, *rest), settings.recipe)
