"""The trainings of a method in a setting: its network, the networks that this one reads, and its classifier."""

from collections.abc import Container
from dataclasses import replace

from longtail.config import methods, settings
from longtail.config.plan import BENEATH, CLASSIFIER, NETWORK, Plan, Run, Setting, Training
from longtail.config.registry import Registry


def run(registry: Registry, setting: Setting, name: str, seed: int) -> Run:
    """The run of a method that needs nothing more before it can run."""
    method = registry.methods[name]
    below = network(registry, setting, methods.stage1_of(method, name), seed)
    if "stage2" not in method:
        return Run(below, name)
    return Run(below, name, Training(setting, name, seed, CLASSIFIER, ((BENEATH, below),)))


def network(
    registry: Registry, setting: Setting, name: str, seed: int, imported: Container[str] | None = None
) -> Training:
    """The Stage 1 of a one-stage method, with the networks that it reads.

    An `imported` one (by its run; by default the imports of the configuration) reads no others.
    """
    imported = registry.config["stage1"] if imported is None else imported
    training = Training(setting, name, seed, NETWORK)
    if training.run in imported:
        return training
    roles = sorted(read_by(registry, setting, name).items())
    return replace(
        training, networks=tuple((role, network(registry, setting, other, seed, imported)) for role, other in roles)
    )


def networks(plan: Plan) -> dict[str, Training]:
    """Every network that may be imported for a plan, by the folder of its run."""
    stage1s = sorted({(run.setting, run.stage1, run.seed) for run in plan.requested})
    trainings = [network(plan.registry, *stage1, imported=()) for stage1 in stage1s]
    return {part.run: part for training in trainings for part in training.chain}


def read_by(registry: Registry, setting: Setting, name: str) -> dict[str, str]:
    """The methods whose networks the Stage 1 of a one-stage method reads in a setting, by role."""
    block = settings.overridden(registry, setting.dataset, setting.imbalance, name, NETWORK)
    roles: dict[str, str] = block.get("networks", {})
    return roles


def stage1s(registry: Registry, setting: Setting, name: str) -> list[str]:
    """The one-stage methods that a run of a method trains or imports, in the order in which they are trained."""
    training = network(registry, setting, methods.stage1_of(registry.methods[name], name), 0)
    return [part.method for part in training.chain]
