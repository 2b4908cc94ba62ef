import math
import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.small_settings import RECIPE, changed

from longtail.config import schema
from longtail.config.registry import CONFIG
from longtail.engine import schedule
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.settings.recipe import Recipe


@pytest.fixture(scope="module")
def recipes():
    stored = schema.read_yaml(CONFIG / "recipes.yaml")
    checked = {name: schema.check(recipe, "recipe", name) for name, recipe in stored.items()}
    given = {name: {"name": name, **recipe} for name, recipe in checked.items()}
    for recipe in given.values():
        recipe.pop("preprocessing", None)  # no part of what a job is given as its recipe
    return {name: Recipe.parse(recipe) for name, recipe in given.items()}


WARMUP = {1: 0.02, 2: 0.04, 3: 0.06, 4: 0.08, 5: 0.1, 6: 0.1, 100: 0.1, 160: 0.1}
BOT_WARMUP = {1: 0.14 / 3, 2: 0.06, 3: 0.22 / 3, 4: 0.26 / 3, 5: 0.1}
RATES = {
    "MiSLAS-S1": WARMUP | {161: 0.01, 180: 0.01, 181: 0.001, 200: 0.001},
    "LDAM": WARMUP | {161: 0.001, 180: 0.001, 181: 1e-5, 200: 1e-5},
    "MiSLAS-S2": {
        1: 0.1,
        2: 0.1 * (1 + math.cos(0.1 * math.pi)) / 2,
        6: 0.05,
        10: 0.1 * (1 + math.cos(0.9 * math.pi)) / 2,
    },
    "BoT": BOT_WARMUP | {159: 0.1, 160: 0.001, 179: 0.001, 180: 1e-5, 200: 1e-5},
    "BoT-mix": BOT_WARMUP | {319: 0.1, 320: 0.001, 359: 0.001, 360: 1e-5, 400: 1e-5},
    "LADC-S1": BOT_WARMUP | {319: 0.1, 320: 0.001, 359: 0.001, 360: 1e-5, 400: 1e-5},
    # Under PyTorch 1.0.1 the official scheduler counts epochs from 0: a third of the rate is that of epoch 1.
    "BBN": {epoch + 1: rate for epoch, rate in BOT_WARMUP.items()}
    | {1: 0.1 / 3, 120: 0.1, 121: 0.001, 160: 0.001, 161: 1e-5, 200: 1e-5},
    "BBN-big-inaturalist": {1: 0.05, 120: 0.05, 121: 0.005, 160: 0.005, 161: 5e-4, 180: 5e-4},
    "LADC-S2": BOT_WARMUP | {9: 0.1, 10: 0.01, 19: 0.01, 20: 0.001, 30: 0.001},
}


@pytest.mark.parametrize("name", RATES)
def test_rates_of_the_published_schedules(recipes: Any, name: str) -> None:
    for epoch, rate in RATES[name].items():
        assert schedule.learning_rate(recipes[name], epoch) == pytest.approx(rate, rel=1e-11)


@pytest.mark.parametrize(
    ("name", "epochs", "decay"),
    [
        ("MiSLAS-S1", 200, 2e-4),
        ("LDAM", 200, 2e-4),
        ("MiSLAS-S2", 10, 2e-4),
        ("BoT", 200, 2e-4),
        ("BoT-mix", 400, 2e-4),
        ("LADC-S1", 400, 5e-4),
        ("LADC-S2", 30, 5e-4),
    ],
)
def test_rest_of_the_published_recipes(recipes: Any, name: str, epochs: int, decay: float) -> None:
    recipe = recipes[name]
    assert recipe.epochs == epochs
    assert recipe.batch_size == 128
    assert recipe.weight_decay == decay
    assert recipe.momentum == 0.9


def test_a_cosine_ends_one_step_before_zero_or_at_zero(recipes: Any) -> None:
    """As PyTorch's own: code that steps it before each epoch e has step e − 1 before version 1.1, and then step e."""
    before = recipes["Decouple-inaturalist"]
    after = replace(before, schedule=replace(before.schedule, ends_at_zero=True))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
    official = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 90)
    for epoch in range(1, 91):
        assert schedule.learning_rate(before, epoch) == pytest.approx(official.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        official.step()
        assert schedule.learning_rate(after, epoch) == pytest.approx(official.get_last_lr()[0], rel=1e-9, abs=1e-15)
    assert schedule.learning_rate(after, 90) == 0


def test_recipes_have_nesterov_momentum_where_their_official_code_has(recipes: Any) -> None:
    bag_of_tricks = {"BoT", "BoT-S2", "BoT-mix", "Remix-big-imagenet", "BoT-tricks-1", "BoT-tricks-2", "BoT-tricks-3"}
    bbn = {"BBN", "BBN-big-inaturalist"}
    assert {name for name, recipe in recipes.items() if recipe.nesterov} == bag_of_tricks | bbn | {"Meta"}


def test_rate_never_rises_after_the_warmup(recipes: Any) -> None:
    for recipe in recipes.values():
        warmup = recipe.schedule.warmup
        rates = [schedule.learning_rate(recipe, epoch) for epoch in range(1, recipe.epochs + 1)]
        assert rates[max(warmup, 1) - 1] == pytest.approx(recipe.learning_rate)
        assert rates[:warmup] == sorted(rates[:warmup])
        assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
        assert min(rates) > 0


@pytest.mark.parametrize(
    ("batches", "images", "expected"),
    [
        ("ceil", 12_406, 12_406),
        ("floor", 12_406, 96 * 128),
        ("floor", 128, 128),
        ("ceil_plus_one", 12_406, 98 * 128),
        ("ceil_plus_one", 256, 3 * 128),
    ],
)
def test_images_drawn_in_an_epoch(batches: str, images: int, expected: int) -> None:
    assert schedule.draws(changed(RECIPE, batch_size=128, batches=batches), images) == expected


def test_epochs_that_are_evaluated() -> None:
    recipe = changed(RECIPE, epochs=13, evaluate={"every": 4, "each_from": 10})
    assert [e for e in range(1, 14) if schedule.is_evaluated(recipe, e)] == [4, 8, 10, 11, 12, 13]
    rarely = changed(RECIPE, epochs=13, evaluate={"every": 50, "each_from": 50})
    assert [e for e in range(1, 14) if schedule.is_evaluated(rarely, e)] == [13]


def test_what_is_deferred_comes_after_so_many_epochs() -> None:
    deferred = [epoch for epoch in range(1, 6) if schedule.is_deferred(changed(RECIPE, defer=3), epoch)]
    assert deferred == [4, 5]
    assert not any(schedule.is_deferred(RECIPE, epoch) for epoch in range(1, 6))


def test_deferred_epochs_of_the_published_recipes(recipes: Any) -> None:
    defer = {name: recipe.defer for name, recipe in recipes.items() if recipe.defer is not None}
    assert {name: defer[name] for name in ("LDAM", "Meta", "Remix300")} == {"LDAM": 160, "Meta": 160, "Remix300": 250}
    assert all(0 < after < recipes[name].epochs for name, after in defer.items())


ONE_LEFT = changed(RECIPE, batch_size=4)


@pytest.mark.parametrize("backbone", ["resnet10", "resnet32", "bbn_resnet32", "bbn_resnet50"])
def test_batch_norm_cannot_learn_from_one_image_of_the_declared_side(backbone: str) -> None:
    module = parts.find("models", backbone).build(3).train()
    side = schedule.one_pixel(backbone)

    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module(torch.zeros(1, 3, side, side))
    module(torch.zeros(1, 3, side + 1, side + 1))
    module(torch.zeros(2, 3, side, side))


@pytest.mark.parametrize("backbone", parts.names("models"))
def test_a_backbone_with_batch_norm_declares_its_side(backbone: str) -> None:
    if parts.literal("models", backbone, "FORM", "images") == "images":
        assert schedule.one_pixel(backbone)


@pytest.mark.parametrize(
    ("changes", "images", "micro_batches", "sentence"),
    [
        ({}, 9, 1, "batch_size: 4 makes a batch of one of 9 images, which batch norm of resnet10 cannot learn from "
                   "at 32 pixels a side: write batches: floor, or another batch_size"),
        ({"batch_size": 1, "batches": "floor"}, 9, 1, "batch_size: 1 makes a batch of one"),
        ({"batches": "floor"}, 8, 3, "compute.micro_batches: 3 cuts a batch of 4 into single images"),
        ({}, 10, 2, "compute.micro_batches: 2 cuts a batch of 2 into single images"),
    ],
)  # fmt: skip
def test_a_batch_of_one_image_is_refused(
    changes: dict[str, Any], images: int, micro_batches: int, sentence: str
) -> None:
    given = (changed(ONE_LEFT, **changes), "resnet10", images)

    with pytest.raises(InputError, match=f"^here: {re.escape(sentence)}"):
        schedule.check_batches(*given, 32, micro_batches, "here")
    schedule.check_batches(*given, 33, micro_batches, "here")


@pytest.mark.parametrize(("batches", "images", "micro_batches"), [("ceil", 8, 2), ("ceil", 10, 1), ("floor", 9, 2)])
def test_batches_of_more_images_are_learnt_from(batches: str, images: int, micro_batches: int) -> None:
    schedule.check_batches(changed(ONE_LEFT, batches=batches), "resnet10", images, 8, micro_batches, "here")
    schedule.check_batches(ONE_LEFT, "textcnn", 9, 32, 1, "here")
