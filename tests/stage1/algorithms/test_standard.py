from typing import Any

import numpy as np
import pytest
import torch
from tests import small

from longtail.engine import batches
from longtail.runtime.errors import InputError
from longtail.stage1 import train
from longtail.stage1.algorithms import standard


def settings(**changes):
    return small.changed(small.STAGE1, **changes)


def test_the_learner_is_the_one_that_the_settings_name() -> None:
    assert type(train.learner(*small.data(), settings())) is standard.Learner
    with pytest.raises(InputError, match=r"no part 'standrd': did you mean 'standard'\?"):
        train.learner(*small.data(), settings(algorithm={"name": "standrd"}))


@pytest.mark.parametrize("mixing", [None, small.STAGE1.mixing])
def test_batches_are_those_of_the_engine(mixing: Any) -> None:
    stage = train.learner(*small.data(), settings(mixing=mixing))
    epoch = stage.epoch(2, first_batch=3)
    order = batches.drawn_order(small.STAGE1.sampler, stage.labels, len(stage.labels), epoch)
    expected = batches.in_order(stage.train, stage.labels, order, small.RECIPE.batch_size, epoch, mixing)
    for found, other in zip(stage.batches(epoch), expected, strict=True):
        assert torch.equal(found.inputs, other.inputs)
        assert torch.equal(found.labels, other.labels)
        assert found.share == other.share


def test_a_deferred_sampler_takes_over_after_the_epochs_that_defer_it() -> None:
    def orders(**changes):
        stage = train.learner(*small.data(), settings(recipe={"epochs": 4, "defer": 2}, **changes))
        return [stage.order(stage.epoch(number)).tolist() for number in (1, 2, 3, 4)]

    balanced = {"name": "class_balanced"}
    never, at_once, later = orders(), orders(sampler=balanced), orders(deferred={"sampler": balanced})
    assert later == never[:2] + at_once[2:]
    # Where weights alone are deferred, the sampler stays.
    weighting = {"name": "class_balanced", "beta": 0.9, "mean": "images"}
    assert orders(deferred={"weighting": weighting}) == never


def test_a_deferred_sampler_draws_the_classes_alike() -> None:
    recipe = {"defer": 1}
    stage = train.learner(*small.data(), settings(recipe=recipe, deferred={"sampler": {"name": "class_balanced"}}))
    drawn = ([batch.labels for batch in stage.batches(stage.epoch(number))] for number in (1, 2))
    counts = [np.bincount(torch.cat(labels)) for labels in drawn]
    assert counts[0].tolist() == small.data()[1].counts
    # 199 draws of 10 classes: 19.9 on average, with a standard deviation of 4.2.
    assert counts[1].max() < 19.9 + 4 * 4.3
    assert counts[1].min() > 19.9 - 4 * 4.3


def test_weight_decay_excludes_the_parameters_that_a_head_names() -> None:
    stage = train.learner(*small.data(), settings(head={"name": "rare_start"}))
    (spared,) = [group for group in stage.optimizer.param_groups if group["weight_decay"] == 0]
    assert [id(value) for value in spared["params"]] == [id(stage.module.classifier.bias)]
    groups = stage.optimizer.param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(stage.module.parameters()))
    assert {group["rate_factor"] for group in groups} == {1.0}
