"""Learning rates by part of the network, and parts that are frozen."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests import small
from tests.small import RECIPE, STAGE1, changed
from torch import Tensor, nn

from longtail.engine import distributed, loop
from longtail.models import network
from longtail.settings.stage1 import Stage1
from longtail.stage1 import train
from longtail.stage1.learner import Stage1Learner

BODY = {"earlier_stages": 0.0, "last_stage": 0.0, "head": 1.0}
LAST = {"earlier_stages": 0.0, "last_stage": 0.1, "head": 1.0}
ALL = {"earlier_stages": 0.1, "last_stage": 0.2, "head": 1.0}


def settings(rates: dict[str, float], **more: Any) -> Stage1:
    recipe = {"epochs": 2, "rates": rates, **more.pop("recipe", {})}
    return changed(STAGE1, recipe=recipe, **more)


def stage(name: str) -> str:
    if name.startswith("classifier."):
        return "head"
    return "last_stage" if name.startswith("backbone.stages.2.") else "earlier_stages"


def changed_stages(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {stage(name) for name, value in after.items() if not torch.equal(value, before[name])}


def test_each_part_learns_at_its_rate() -> None:
    learner = train.learner(*small.data(), settings(ALL))
    names = {id(parameter): name for name, parameter in learner.module.named_parameters()}
    groups = learner.optimizer.param_groups
    rates = {stage(names[id(p)]): group["rate_factor"] for group in groups for p in group["params"]}
    assert rates == ALL
    assert sum(len(group["params"]) for group in groups) == len(names)


@pytest.mark.parametrize(
    ("rates", "learning"), [(BODY, {"head"}), (LAST, {"last_stage", "head"}), (ALL, {"earlier_stages", *LAST})]
)
def test_what_is_frozen_stays_with_its_statistics(rates: Any, learning: set[str], tmp_path: Path) -> None:
    """Also with a deferred weighting, and a test between two epochs."""
    deferred = {"weighting": {"name": "class_balanced", "beta": 0.99, "mean": "weights"}}
    given = settings(rates, deferred=deferred, recipe={"defer": 1})
    before = network.build("resnet32", 1, 10, seed=0).state_dict()
    after = train.train(*small.data(), given, small.resume(tmp_path)).last_state
    assert changed_stages(before, after) == learning


class Interrupted(Exception):
    """Stands for a job that is killed."""


def test_a_frozen_part_stays_frozen_when_training_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECK_SECONDS", 0)
    monkeypatch.setattr("longtail.engine.resume.SAVE_SHARE", 0)
    given, batches = settings(LAST), Stage1Learner.batches

    def killed(self: Any, epoch: Any) -> Any:
        for number, batch in enumerate(batches(self, epoch)):
            if (epoch.number, number) == (2, 3):
                raise Interrupted
            yield batch

    def state(name: str) -> dict[str, Tensor]:
        return train.train(*small.data(), given, small.resume(tmp_path / name)).last_state

    with monkeypatch.context() as patched:
        patched.setattr(Stage1Learner, "batches", killed)
        with pytest.raises(Interrupted):
            state("killed")
    resumed, whole = state("killed"), state("whole")
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_rates_of_meta_class_weights_are_those_of_the_parts() -> None:
    """Its look-ahead moves each part as far as the step itself does."""
    mcw = {"name": "mcw", "per_class": 2, "batch_size": 10, "rate": 0.1}
    given = settings(LAST, algorithm=mcw, mixing=None, recipe={"defer": 1})
    learner: Any = train.learner(*small.data(), given)
    of_ones = learner._at_their_rates({name: torch.ones(()) for name in learner.factors})
    assert {stage(name): float(value) for name, value in of_ones.items()} == {"last_stage": pytest.approx(0.1)}
    batch = next(learner.batches(learner.epoch(2)))
    assert torch.isfinite(learner.loss(learner.prepare(batch)))


def test_batch_norm_of_several_processes_is_frozen_too() -> None:
    built = network.build("resnet32", 1, 10, seed=0)
    built.freeze(["earlier_stages"])
    shared = distributed.share_batch_norm(built).train()
    norms = {name: module for name, module in shared.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert all(isinstance(module, distributed.SharedBatchNorm2d) for module in norms.values())
    for name, module in norms.items():
        assert module.training == module.weight.requires_grad == (stage(name) == "last_stage"), name


def test_a_recipe_without_rates_has_one_group() -> None:
    learner = train.learner(*small.data(), STAGE1)
    (group,) = learner.optimizer.param_groups
    assert group["rate_factor"] == 1.0
    assert [id(p) for p in group["params"]] == [id(p) for p in learner.module.parameters()]
    assert RECIPE.frozen == ()
