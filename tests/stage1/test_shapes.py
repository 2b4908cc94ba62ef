"""Networks from elsewhere that are not those of here."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import small

from longtail.engine import checkpoint
from longtail.runtime.errors import InputError
from longtail.stage1 import shapes

DATA, _ = small.data()
WEIGHT, BIAS = "classifier.weight", "classifier.bias"


@pytest.fixture
def network(tmp_path: Path) -> Callable[..., Path]:
    """A writer of the checkpoints of a network on the digits, `best` with changes of its state."""

    def write(**changes: Any) -> Path:
        state = dict(small.network_state())
        checkpoint.save(tmp_path / "last.pt", state)
        changed = {key: value for key, value in (state | changes).items() if value is not None}
        checkpoint.save(tmp_path / "best.pt", changed)
        return tmp_path

    return write


def test_the_same_network_fits(network: Callable[..., Path]) -> None:
    shapes.check(network(), DATA, small.STAGE1, "here")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({WEIGHT: torch.ones(100, 64)}, f"'{WEIGHT}' is 100 x 64 there and 10 x 64 here"),
        ({BIAS: torch.tensor(1.0)}, f"'{BIAS}' is a number there and 10 here"),
        ({BIAS: None}, f"'{BIAS}' is no tensor there and 10 here"),
        ({"scale": torch.ones(2, 3)}, "'scale' is 2 x 3 there and no tensor here"),
    ],
    ids=["classes", "number", "lacking", "more"],
)
def test_another_one_is_refused(network: Callable[..., Path], changes: dict[str, Any], message: str) -> None:
    source = network(**changes)

    with pytest.raises(InputError) as caught:
        shapes.check(source, DATA, small.STAGE1, "here")

    assert str(caught.value) == (
        f"here: {source}/best.pt has another network: {message}, with 10 classes: name a Stage 1 of this backbone "
        "and number of classes"
    )


def test_data_of_another_number_of_classes_are_named(network: Callable[..., Path]) -> None:
    data = replace(DATA, classes=DATA.classes[:7])

    with pytest.raises(InputError, match=r"last\.pt has another network: 'classifier.bias' is 10 there and 7 here"):
        shapes.check(network(), data, small.STAGE1, "here")


def test_what_is_no_state_is_refused(network: Callable[..., Path]) -> None:
    source = network()
    checkpoint.save(source / "last.pt", [1, 2])

    with pytest.raises(InputError, match=r"here: .*last\.pt is no state of a network: name a finished Stage 1"):
        shapes.check(source, DATA, small.STAGE1, "here")
