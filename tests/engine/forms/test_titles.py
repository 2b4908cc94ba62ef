from typing import Any

import numpy as np
import pytest
import torch

from longtail.data.forms.titles import Titles
from longtail.engine import forms
from longtail.engine.forms.titles import TitleSet
from longtail.engine.seeding import Epoch
from longtail.models._titles import TitleInputs
from longtail.runtime.errors import InputError

CPU = torch.device("cpu")
ROWS = np.arange(28, dtype=np.int32).reshape(7, 4)
LABELS = np.arange(7) % 2


@pytest.fixture
def data():
    vectors, characters = np.ones((28, 3), np.float32), np.array([chr(97 + number) for number in range(28)])
    return Titles(ROWS, LABELS, ROWS[:3], LABELS[:3], ROWS[5:], LABELS[5:], vectors, ["a", "b"], characters)


def test_batches_are_the_titles_named_from_any_batch_on() -> None:
    order = np.array([6, 0, 3, 3, 1])
    whole = list(TitleSet(ROWS, CPU).batches(order, 2, Epoch(1, 0)))
    assert [len(batch) for batch in whole] == [2, 2, 1]
    assert torch.cat(whole).tolist() == ROWS[order].tolist()
    later = list(TitleSet(ROWS, CPU).batches(order, 2, Epoch(1, 0, first_batch=1)))
    assert [batch.tolist() for batch in later] == [batch.tolist() for batch in whole[1:]]


def test_what_augments_images_is_refused() -> None:
    with pytest.raises(InputError, match="defined on images, not on titles: set randaugment: null"):
        next(TitleSet(ROWS, CPU).batches(np.arange(2), 2, Epoch(1, 0), lambda pixels, positions: pixels))


def test_splits_of_titles_and_what_a_backbone_is_built_for(data: Any) -> None:
    form = forms.of(data, None, CPU)
    assert len(form.training(np.array([1, 4]), augment=True)) == 2
    assert len(form.testing()) == 3
    titles, labels = form.validation()
    assert titles.titles.tolist() == ROWS[5:].tolist()
    assert labels.tolist() == LABELS[5:].tolist()
    assert isinstance(form.inputs, TitleInputs)
    assert (form.inputs.length, form.inputs.vectors.shape) == (4, (28, 3))
    rows = torch.from_numpy(ROWS)
    assert form.normalise(rows) is rows
