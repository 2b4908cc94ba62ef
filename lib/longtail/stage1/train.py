"""Train a backbone with its classifier on a long-tailed subset."""

from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import device, distributed, loop
from longtail.engine.distributed import ALONE, World
from longtail.engine.resume import Resume
from longtail.runtime import parts
from longtail.settings.stage1 import Stage1
from longtail.stage1.learner import Stage1Learner


def learner(data: Data, subset: Subset, settings: Stage1, workers: int = 0, world: World = ALONE) -> Stage1Learner:
    """The learner of the algorithm that `settings` name; InputError where the data do not allow it."""
    kind = parts.find("stage1.algorithms", settings.algorithm.name).Learner
    built: Stage1Learner = kind(data, subset, settings, workers, world)
    return built


def train(data: Data, subset: Subset, settings: Stage1, resume: Resume, workers: int = 0) -> loop.Fitted:
    """Run Stage 1 as `settings` say.

    `workers` processes decode images that are kept in files. The states returned are those of a
    `models.network.Network`.
    Raises InputError when the loss is not finite or the device is missing, signals.Stopped when asked to stop.
    """
    size = settings.compute.processes
    given = (data, subset, settings, workers // size)
    on_gpu = device.prepare(settings.compute).device.type == "cuda"
    with distributed.world(size, on_gpu, _follow, *given) as world:
        return loop.fit(learner(*given, world), settings.recipe, resume)


def _follow(world: World, data: Data, subset: Subset, settings: Stage1, workers: int) -> None:
    loop.follow(learner(data, subset, settings, workers, world), settings.recipe)
