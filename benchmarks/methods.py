"""The cost of a Stage-1 training step of every one-stage method, compared with plain cross-entropy.

Methods as config/methods has them for CIFAR-10-LT at factor 100, on images like those of `stage1`, but all in
batches of 128: it is the methods that are compared, not their recipes. One thread on the CPU. Each method trains side
by side with CE, so that both see the same machine; CE beside itself tells what the numbers are worth. Time is per
image of the long-tailed set, whatever a method passes through its network for it.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import data, harness, records
from benchmarks.harness import Contestant, Heat

from longtail.config import load, settings
from longtail.config.registry import Registry
from longtail.graph import costs
from longtail.runtime import parts

BATCH_SIZE = 128
BASE = "ce"
# Seconds before training from which on a record has them; others only sort out which images to use.
NOTICED = 0.1


@dataclass(frozen=True)
class Phase:
    """A part of a method's training whose steps cost alike: from `first_epoch` on, for a `share` of the epochs."""

    first_epoch: int
    share: float


@dataclass(frozen=True)
class Method:
    """A one-stage method with the settings of its Stage 1 here, and the epochs of its own recipe."""

    name: str
    settings: dict[str, Any]

    @property
    def epochs(self) -> int:
        """Epochs of the recipe."""
        return int(self.settings["recipe"]["epochs"])

    @property
    def work(self) -> float:
        """The cost of its step as its algorithm declares it."""
        return costs.declared(self.settings["algorithm"]["name"])

    @property
    def phases(self) -> list[Phase]:
        """Two where the algorithm's step changes after the recipe's `defer` epochs, else one.

        Weights and samplers that a method defers cost nothing that could be seen: they do not make a phase.
        """
        if not parts.literal("stage1.algorithms", self.settings["algorithm"]["name"], "DEFERS", False):
            return [Phase(1, 1.0)]
        defer = self.settings["recipe"]["defer"]
        return [Phase(1, defer / self.epochs), Phase(defer + 1, 1 - defer / self.epochs)]

    def contestant(self, images: str, phase: Phase) -> Contestant:
        """The training of a phase; `images` is a file of arrays."""
        order = {"data": images, "settings": self.settings, "first_epoch": phase.first_epoch}
        return Contestant(self.name, "benchmarks.engine:method", order)


def methods(registry: Registry) -> list[Method]:
    """CE, then every other one-stage method whose step is not that of one before: recipes alone make no other."""
    names = [name for name, each in registry.methods.items() if isinstance(each.get("stage1"), dict)]
    distinct: dict[str, Method] = {}
    for name in sorted(names, key=lambda name: (name != BASE, name)):
        block = resolved(registry, name)
        step = json.dumps({key: value for key, value in block.items() if key != "recipe"}, sort_keys=True)
        distinct.setdefault(step, Method(name, block))
    return list(distinct.values())


def resolved(registry: Registry, name: str) -> dict[str, Any]:
    """A method's Stage 1 in batches of 128 on one thread; a batch of its algorithm's own grows as its batch does."""
    block = settings.stage1(registry, "cifar10", "if100", "resnet32", name, seed=0)
    recipe, algorithm = block["recipe"], block["algorithm"]
    if "batch_size" in algorithm:
        algorithm = algorithm | {"batch_size": round(algorithm["batch_size"] * BATCH_SIZE / recipe["batch_size"])}
    compute = block["compute"] | {"device": "cpu", "threads": 1, "processes": 1}
    return block | {"recipe": recipe | {"batch_size": BATCH_SIZE}, "algorithm": algorithm, "compute": compute}


def compared(found: Sequence[Method], images: str, options: Any, warm_up: int) -> list[dict[str, Any]]:
    """Values of a record for each method, and for each phase where it has two; CE is the first of `found`.

    Every round has each phase once, in a pair with CE; every other round goes backwards, the pairs too.
    """
    base = found[0].contestant(images, found[0].phases[0])
    names = harness.wanted([method.name for method in found], options.only)
    chosen = [method for method in found if method.name in names]
    pairs: dict[tuple[str, int], list[tuple[Heat, Heat]]] = {}
    for number in range(options.rounds):
        forwards = number % 2 == 0
        for method, phase in [(each, phase) for each in chosen for phase in each.phases][:: 1 if forwards else -1]:
            pair = [base, method.contestant(images, phase)]
            heats = harness.together(pair if forwards else pair[::-1], options.seconds, warm_up)
            of_base, own = heats if forwards else heats[::-1]
            cost = of_base.images_per_second / own.images_per_second
            at = f"round {number + 1}/{options.rounds}  {method.name}, from epoch {phase.first_epoch} on"
            print(f"{at}: {cost:.2f} times CE")
            pairs.setdefault((method.name, phase.first_epoch), []).append((of_base, own))
    return [
        values | {"round_seconds": options.seconds}
        for method in chosen
        for values in summary(method, [pairs[method.name, phase.first_epoch] for phase in method.phases], found[0])
    ]


def summary(method: Method, pairs: Sequence[Sequence[tuple[Heat, Heat]]], base: Method) -> list[dict[str, Any]]:
    """Values of a method from the rounds of each of its phases, as pairs of CE's heat and its own.

    Milliseconds per 128 images of the set and the multiple of CE's are means over the epochs, taken in each round.
    """
    shares = [phase.share for phase in method.phases]
    whole = _spread(shares, pairs)
    heats = [own for of_phase in pairs for _, own in of_phase]
    once = records.spread("seconds_once", [heat.facts["seconds_once"] for heat in heats])
    common = {key: value for key, value in heats[0].facts.items() if key != "seconds_once"}
    # Measured on the CPU, whatever else the machine has.
    common |= {"rounds": len(pairs[0]), "accelerator": None}
    told = {"contestant": method.name, "epochs": method.epochs, "declared": method.work}
    told |= {"runs": whole["cost"] * method.epochs / base.epochs}
    found = [common | told | whole | (once if once["seconds_once"] >= NOTICED else {})]
    if len(shares) > 1:
        ends = [phase.first_epoch - 1 for phase in method.phases[1:]] + [method.epochs]
        for phase, end, of_phase in zip(method.phases, ends, pairs, strict=True):
            name = f"{method.name}, epochs {phase.first_epoch} to {end}"
            found.append(common | {"contestant": name} | _spread([1.0], [of_phase]))
    return found


def _spread(shares: Sequence[float], pairs: Sequence[Sequence[tuple[Heat, Heat]]]) -> dict[str, Any]:
    """Spreads over the rounds of means over phases."""
    times, costs = [], []
    for of_round in zip(*pairs, strict=True):
        speeds = [(base.images_per_second, own.images_per_second) for base, own in of_round]
        times.append(sum(share * BATCH_SIZE * 1000 / own for share, (_, own) in zip(shares, speeds, strict=True)))
        costs.append(sum(share * base / own for share, (base, own) in zip(shares, speeds, strict=True)))
    return records.spread("set_milliseconds", times) | records.spread("cost", costs)


def main() -> None:
    """The command line."""
    options = harness.parsed(harness.arguments(__doc__, rounds=3, seconds=5))
    with tempfile.TemporaryDirectory() as folder:
        images = data.save(Path(folder), "cifar")
        found = compared(methods(load.load({}, [])), images, options, warm_up=2)
    harness.finish("methods", found, options)


if __name__ == "__main__":
    main()
