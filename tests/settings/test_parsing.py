import json
from typing import Any

import pytest
from tests.small_settings import RECIPE, STAGE1, STAGE2, changed, plain

from longtail.runtime.errors import InputError
from longtail.settings.part import Part
from longtail.settings.recipe import EarlyStopping, Recipe
from longtail.settings.stage1 import Deferred, Stage1

GIVEN: dict[str, Any] = {key: value for key, value in plain(RECIPE).items() if value is not None}


def test_settings_are_those_of_their_json() -> None:
    for settings in (STAGE1, STAGE2):
        assert type(settings).parse(json.dumps(plain(settings))) == settings


def test_absent_settings_are_none_and_blocks_are_values() -> None:
    assert Recipe.parse(GIVEN) == RECIPE
    assert (RECIPE.optimizer, RECIPE.defer, RECIPE.early_stopping) == (None, None, None)
    stopping = Recipe.parse(GIVEN | {"early_stopping": {"every": 2, "patience": 4}})
    assert stopping.early_stopping == EarlyStopping(every=2, patience=4)
    deferred = changed(STAGE1, deferred={"weighting": None, "sampler": {"name": "tempered", "tau": 1.0}}).deferred
    assert deferred == Deferred(sampler=Part("tempered", {"tau": 1.0}))


def test_titles_have_no_preprocessing() -> None:
    assert Stage1.parse(plain(STAGE1) | {"preprocessing": {}}).preprocessing is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (GIVEN | {"epoch": 3}, r"^settings: unknown setting 'epoch': did you mean 'epochs'\?"),
        (GIVEN | {"schedule": {**GIVEN["schedule"], "warmap": 1}}, r"^settings.schedule: unknown setting 'warmap'"),
        ({key: GIVEN[key] for key in GIVEN if key != "epochs"}, "^settings lacks the setting 'epochs': add it$"),
        (GIVEN | {"evaluate": {"every": 2}}, "^settings.evaluate lacks the setting 'each_from': add it$"),
    ],
)
def test_unknown_and_missing_keys_are_named(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Recipe.parse(given)


def test_a_part_without_a_name_is_refused() -> None:
    with pytest.raises(InputError, match=r"^settings\.loss lacks the setting 'name': add it$"):
        Stage1.parse(plain(STAGE1) | {"loss": {"gamma": 2.0}})


def test_pretrained_weights_are_known_by_hash_until_they_are_located() -> None:
    hashed = changed(STAGE1, pretrained="1f" * 32)
    assert hashed.located({"pretrained": "/weights.pt"}) == changed(STAGE1, pretrained="/weights.pt")
    assert STAGE1.located({"pretrained": "/weights.pt"}) == STAGE1
