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


def test_the_learner_is_the_one_that_the_settings_name():
    assert type(train.learner(*small.data(), settings())) is standard.Learner
    with pytest.raises(InputError, match=r"no part 'standrd': did you mean 'standard'\?"):
        train.learner(*small.data(), settings(algorithm={"name": "standrd"}))


@pytest.mark.parametrize("mixing", [None, small.STAGE1["mixing"]])
def test_batches_are_those_of_the_engine(mixing):
    given = settings(mixing=mixing)
    stage = train.learner(*small.data(), given)
    for found, expected in zip(
        stage.batches(2, first=3), batches.epoch(stage.train, stage.labels, given, 2, 1, first=3), strict=True
    ):
        assert torch.equal(found.inputs, expected.inputs)
        assert torch.equal(found.labels, expected.labels)
        assert found.share == expected.share


def test_a_deferred_sampler_draws_the_classes_alike():
    recipe = small.RECIPE | {"defer": 1}
    stage = train.learner(*small.data(), settings(recipe=recipe, deferred={"sampler": {"name": "class_balanced"}}))
    counts = [np.bincount(torch.cat([batch.labels for batch in stage.batches(epoch)])) for epoch in (1, 2)]
    assert counts[0].tolist() == small.data()[1].counts
    # 199 draws of 10 classes: 19.9 on average, with a standard deviation of 4.2.
    assert counts[1].max() < 19.9 + 4 * 4.3
    assert counts[1].min() > 19.9 - 4 * 4.3


def test_weight_decay_spares_what_a_head_says():
    stage = train.learner(*small.data(), settings(head={"name": "rare_start"}))
    (spared,) = [group for group in stage.optimizer.param_groups if group["weight_decay"] == 0]
    assert [id(value) for value in spared["params"]] == [id(stage.module.classifier.bias)]
    groups = stage.optimizer.param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(stage.module.parameters()))
    assert {group["rate_factor"] for group in groups} == {1.0}
